"""`python -m axs.ray`: a site's share of a plan on the site's Ray cluster."""
import argparse
import json
import signal
import sys

from ..plan import PlanError, read_plan
from .bundles import bundles_of

DESCRIPTION = "Carry out the share of one site of a plan of X-Ray on the Ray cluster of that site."
EXAMPLES = """Examples:
  axs plan job.toml --json > plan.json
  ./axs ray show plan.json                       what each site's cluster has to have
  ./axs ray run plan.json --site sfo -- python train.py
                                                 one process for each device of the plan
  axs run job.toml --plan plan.json --ray sfo=10.0.0.1:6379
                                                 the agent and the worker of AXS itself

The processes of one for each device are told their places as torchrun does: RANK, WORLD_SIZE,
LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR, MASTER_PORT; and AXS_REPLICA, AXS_STAGE, AXS_CONTEXT,
AXS_FIRST_TOKEN, AXS_TOKENS, AXS_FIRST_LAYER, AXS_LAYERS, AXS_MICRO_BATCH, AXS_MICRO_BATCHES.

Exit codes: 0 done, 1 the cluster has failed, 2 bad input; of run, else that of the command."""


def parser():
    top = argparse.ArgumentParser("axs ray", description=DESCRIPTION, epilog=EXAMPLES,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = top.add_subparsers(dest="verb", required=True)
    show = verbs.add_parser("show", help="what the plan wants of the clusters; needs no Ray")
    show.add_argument("plan", help="what axs plan --json has printed")
    show.add_argument("--json", action="store_true", help="for programs")
    run = verbs.add_parser("run", help="reserve the bundles and run a command on them")
    run.add_argument("plan", help="what axs plan --json has printed")
    run.add_argument("--site", required=True, help="whose share; a cluster is of one site")
    run.add_argument("--address", default="auto",
                     help="HOST:PORT of the cluster's head; else the cluster of this machine, or "
                          "RAY_ADDRESS")
    run.add_argument("--once", action="store_true",
                     help="one process in all, on one node that has all bundles")
    run.add_argument("--wait", type=float, default=30.0, metavar="SECONDS",
                     help="how long the cluster may take to have room (default: 30)")
    run.usage = f"{run.format_usage().strip().removeprefix('usage: ')} -- COMMAND ..."
    return top


def split_at_command(words):
    """What stands before the first --, and behind it."""
    end = words.index("--") if "--" in words else len(words)
    return words[:end], words[end + 1:]


def needs_of(plan, site):
    """By kind of bundle, how many."""
    counts = {}
    for bundle in bundles_of(plan, site):
        counts[bundle.kind] = counts.get(bundle.kind, 0) + 1
    return counts


def show(plan, as_json):
    rows = [{"site": site, "bundles": count, "devices": kind.devices,
             "accelerator": kind.accelerator, "resources": kind.resources,
             "labels": kind.labels(cluster_says_types=False)}
            for site in plan.sites for kind, count in needs_of(plan, site).items()]
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    print(f"{'site':<16}{'bundles':>8}  {'each of':<20}resources, label of the node")
    for row in rows:
        each = f"{row['devices']} {row['accelerator']}"
        wanted = [f"{name} {amount}" for name, amount in row["resources"].items()]
        wanted += [f"{name}={value}" for name, value in row["labels"].items()]
        print(f"{row['site']:<16}{row['bundles']:>8}  {each:<20}{', '.join(wanted)}")


def run(plan, flags, command):
    if not command:
        raise PlanError("no command, want one behind --")
    bundles = bundles_of(plan, flags.site)
    try:
        from . import cluster
    except ImportError as error:
        raise PlanError(f"{sys.executable} has no Ray ({error}); ./axs ray brings one, or take the "
                        "Python of the cluster") from None
    from .starter import exit_like
    try:
        status = cluster.run(command, plan, flags.site, bundles, flags.address, flags.once,
                             flags.wait)
    except cluster.ClusterError as error:
        print(f"axs: {error}", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:  # While it waited for room; later the command gets it.
        status = -signal.SIGINT
    exit_like(status)


def main():
    words, command = split_at_command(sys.argv[1:])
    flags = parser().parse_args(words)
    try:
        plan = read_plan(flags.plan)
        if flags.verb == "show":
            show(plan, flags.json)
        else:
            run(plan, flags, command)
    except PlanError as error:
        print(f"axs: {error}", file=sys.stderr)
        sys.exit(2)


main()
