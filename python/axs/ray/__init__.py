"""A site's share of a plan on the site's Ray cluster (docs/design/036-ray.md)."""
