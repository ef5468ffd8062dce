"""The comparison finds what is wrong: `.venv/bin/python -m unittest discover benches/peers`."""

import unittest

import numpy as np

import reference

PLACES = reference.Places(np.array([116.0, 116.004, 116.0061, 116.1]), np.array([40.0, 40.0, 40.0, 40.0]))
CIRCLE = {"lon": 116.0, "lat": 40.0, "metres": 520.0}  # the third place is 520.9 m away


class Comparison(unittest.TestCase):
    """Right answers are equal, others are not."""

    def equal(self, right: dict, given: object, relative: float = 0.0, metres: float = 0.0) -> bool:
        """`reference.equal`, exact unless said."""
        return reference.equal(right, given, relative, metres)

    def test_ids(self) -> None:
        right = reference.box(PLACES, {"box": [115.999, 39.999, 116.005, 40.005]})
        self.assertEqual(right["ids"], [0, 1])
        self.assertTrue(self.equal(right, [1, 0]))
        for wrong in ([0], [0, 1, 3], [0, 1, 1], []):
            self.assertFalse(self.equal(right, wrong), wrong)

    def test_tolerance_is_of_the_edge_only(self) -> None:
        right = reference.radius(PLACES, CIRCLE)
        self.assertEqual(right["ids"], [0, 1])
        self.assertFalse(self.equal(right, [0, 1, 2], metres=0.5))
        self.assertTrue(self.equal(right, [0, 1, 2], metres=1.0))
        self.assertTrue(self.equal(right, [0, 1, 2], relative=0.002))
        self.assertFalse(self.equal(right, [0, 1, 3], metres=1.0))
        self.assertFalse(self.equal(right, [1], metres=1.0))

    def test_nearest_are_as_many_as_asked(self) -> None:
        right = {"ids": [0, 1], "exactly": 2, "size": 100.0, "near": [[1, 0.0], [2, 0.4]]}
        self.assertTrue(self.equal(right, [0, 2], metres=0.5))
        self.assertFalse(self.equal(right, [0], metres=0.5))
        self.assertFalse(self.equal(right, [0, 1, 2], metres=0.5))

    def test_counts(self) -> None:
        right = {"count": 10, "size": 100.0, "near": [0.2, 5.0]}
        self.assertTrue(self.equal(right, 10))
        self.assertFalse(self.equal(right, 11))
        self.assertTrue(self.equal(right, 11, metres=0.3))
        self.assertFalse(self.equal(right, 12, metres=0.3))

    def test_groups(self) -> None:
        right = {"counts": [[0, 3], [2, 1]]}
        self.assertTrue(self.equal(right, [[2, 1], [1, 0], [0, 3]]))
        self.assertFalse(self.equal(right, [[0, 3], [2, 2]]))
        right = {"cells": [[7, 1, 2, 50.0], [7, 2, 1, 40.0]]}
        self.assertTrue(self.equal(right, [[7, 2, 1, 40.0], [7, 1, 2, 50.00000001]]))
        self.assertFalse(self.equal(right, [[7, 1, 2, 50.1], [7, 2, 1, 40.0]]))
        self.assertFalse(self.equal(right, [[7, 1, 2, 50.0]]))
        right = {"sums": [2, 3, 90.0]}
        self.assertTrue(self.equal(right, [2, 3, 90.00000001]))
        self.assertFalse(self.equal(right, [2, 3, 90.1]))

    def test_buildings(self) -> None:
        right = {"rows": [[1, 77], [2, 78]]}
        self.assertTrue(self.equal(right, [[2, 78], [1, 77]]))
        self.assertFalse(self.equal(right, [[2, 79], [1, 77]]))


if __name__ == "__main__":
    unittest.main()
