"""Compares answers row by row."""

import math


def assert_same_rows(found, expected, ordered=True):
    found, expected = list(map(tuple, found)), list(map(tuple, expected))
    if not ordered:
        found, expected = sorted(found, key=_key), sorted(expected, key=_key)
    assert len(found) == len(expected), f"{len(found)} rows for {len(expected)}"
    for number, (left, right) in enumerate(zip(found, expected)):
        same = len(left) == len(right) and all(map(_same, left, right))
        assert same, f"row {number}: {left} is not {right}"


def _same(left, right):
    if isinstance(left, float) and isinstance(right, (int, float)):
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9)
    return left == right


def _key(row):
    return [(value is None, str(value)) for value in row]
