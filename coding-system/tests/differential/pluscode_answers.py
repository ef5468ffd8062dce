"""Questions come in on standard input, one a line; what the reference program of Open Location Code says goes out, one line each.

code LON LAT DIGITS         the code
area CODE                   west, south, east and north
full CODE                   1 if it is a full code, else 0
"""

import sys

from openlocationcode import openlocationcode as olc


def area(code):
    box = olc.decode(code)
    return f"{box.longitudeLo!r} {box.latitudeLo!r} {box.longitudeHi!r} {box.latitudeHi!r}"


ANSWERS = {
    "code": lambda lon, lat, digits: olc.encode(float(lat), float(lon), int(digits)),
    "area": area,
    "full": lambda code: str(int(olc.isFull(code))),
}

for line in sys.stdin:
    question, *words = line.split()
    print(ANSWERS[question](*words))
