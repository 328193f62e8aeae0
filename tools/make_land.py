#!/usr/bin/python3
"""Takes the outlines of land out of the wheel of geopandas that the set-up has downloaded.

usage: make_land.py WHEEL OUT

The wheel carries Natural Earth's countries at 1:110 million, which are in the public domain. OUT
has one line per ring: longitudes and latitudes in turn, in tenths of a degree.
"""
import struct
import sys
import zipfile

SHAPES = "geopandas/datasets/naturalearth_lowres/naturalearth_lowres.shp"
POLYGON = 5
HEADER_SIZE = 100  # of the file; see ESRI Shapefile Technical Description, 1998


def rings(shapes):
    at = HEADER_SIZE
    while at < len(shapes):
        words, = struct.unpack_from(">i", shapes, at + 4)
        record = shapes[at + 8:at + 8 + 2 * words]
        at += 8 + 2 * words
        kind, *_ = struct.unpack_from("<i4d", record)
        if kind != POLYGON:
            raise ValueError(f"{SHAPES}: a shape of kind {kind}, want polygons ({POLYGON})")
        parts, count = struct.unpack_from("<2i", record, 36)
        starts = [*struct.unpack_from(f"<{parts}i", record, 44), count]
        points = list(struct.iter_unpack("<2d", record[44 + 4 * parts:44 + 4 * parts + 16 * count]))
        for begin, end in zip(starts, starts[1:]):
            yield points[begin:end]


def main():
    wheel, out = sys.argv[1:]
    shapes = zipfile.ZipFile(wheel).read(SHAPES)
    with open(out, "w", encoding="ascii") as file:
        for ring in rings(shapes):
            file.write(" ".join(f"{round(10 * x)} {round(10 * y)}" for x, y in ring) + "\n")


if __name__ == "__main__":
    main()
