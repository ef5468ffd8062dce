"""Questions come in on standard input, one a line; what the C library of H3 says goes out, one line each.

cell LON LAT RES            the cell's id
centre ID                   longitude and latitude
boundary ID                 longitudes and latitudes of the corners
parent ID RES               the id
children ID                 ids, sorted
disk ID K                   ids, sorted
distance A B                a number, or "none"
cover RES LON LAT ...       ids that overlap the ring, "|", ids that lie in it
"""

import sys

import h3


def ring(numbers):
    values = [float(n) for n in numbers]
    return h3.LatLngPoly([(lat, lon) for lon, lat in zip(values[::2], values[1::2])])


def pairs(places):
    return " ".join(f"{lon!r} {lat!r}" for lat, lon in places)


def distance(a, b):
    try:
        return str(h3.grid_distance(a, b))
    except h3.H3BaseException:
        return "none"


def cover(res, *numbers):
    area = ring(numbers)
    overlap = h3.polygon_to_cells_experimental(area, int(res), contain="overlap")
    full = h3.polygon_to_cells_experimental(area, int(res), contain="full")
    return " ".join(sorted(overlap)) + " | " + " ".join(sorted(full))


ANSWERS = {
    "cell": lambda lon, lat, res: h3.latlng_to_cell(float(lat), float(lon), int(res)),
    "centre": lambda cell: pairs([h3.cell_to_latlng(cell)]),
    "boundary": lambda cell: pairs(h3.cell_to_boundary(cell)),
    "parent": lambda cell, res: h3.cell_to_parent(cell, int(res)),
    "children": lambda cell: " ".join(sorted(h3.cell_to_children(cell))),
    "disk": lambda cell, k: " ".join(sorted(h3.grid_disk(cell, int(k)))),
    "distance": distance,
    "cover": cover,
}

for line in sys.stdin:
    question, *words = line.split()
    print(ANSWERS[question](*words))
