"""Questions come in on standard input, one a line; what the C++ library of S2 says goes out, one line each.

cell LON LAT LEVEL          the cell's token
centre TOKEN                longitude and latitude
boundary TOKEN              longitudes and latitudes of the corners
children TOKEN              tokens in the order of the curve
inside TOKEN LON LAT        1 if the cell holds the place, else 0
"""

import sys

import s2geometry as s2


def cell(lon, lat, level):
    leaf = s2.S2CellId(s2.S2LatLng.FromDegrees(float(lat), float(lon)))
    return leaf.parent(int(level)).ToToken()


def place(point):
    where = s2.S2LatLng(point)
    return f"{where.lng().degrees()!r} {where.lat().degrees()!r}"


def boundary(token):
    whole = s2.S2Cell(s2.S2CellId.FromToken(token))
    return " ".join(place(whole.GetVertex(k)) for k in range(4))


def inside(token, lon, lat):
    leaf = s2.S2CellId(s2.S2LatLng.FromDegrees(float(lat), float(lon)))
    return str(int(s2.S2CellId.FromToken(token).contains(leaf)))


def children(token):
    parent = s2.S2CellId.FromToken(token)
    return " ".join(parent.child(k).ToToken() for k in range(4))


ANSWERS = {
    "cell": cell,
    "centre": lambda token: place(s2.S2Cell(s2.S2CellId.FromToken(token)).GetCenter()),
    "boundary": boundary,
    "children": children,
    "inside": inside,
}

for line in sys.stdin:
    question, *words = line.split()
    print(ANSWERS[question](*words))
