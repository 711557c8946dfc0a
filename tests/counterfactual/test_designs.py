"""Designs: the groups are what their names say, they extend unchanged, and impossible ones are refused."""

import numpy as np
import pytest

from hydra_steps.config.designs import batch_bounds, check_design, design_specs, needs_scores
from hydra_steps.counterfactual.designs import check_classes, draw_groups
from hydra_steps.errors import StudyError

C = np.array([0.1, -3.0, 2.0, 0.0, -0.5, 1.0])


def random_groups(groups: int, fraction: float = 0.1) -> dict:
    return {"kind": "random_groups", "fraction": fraction, "groups": groups}


def single(choice: str, groups: int) -> dict:
    return {"kind": "leave_one_out", "choice": choice, "groups": groups, "method": "m", "query": "q"}


def flat(groups) -> list[int]:
    return [int(n) for group in groups for n in group]


@pytest.mark.parametrize(
    "spec", [random_groups(3), random_groups(3, 0.5), single("random", 3), single("largest", 3)]
)
@pytest.mark.parametrize("more", [4, 6])
def test_more_groups_extend(spec, more):
    few = draw_groups("d", spec, 6 if spec["kind"] == "leave_one_out" else 60, 0, C)
    many = draw_groups("d", spec | {"groups": more}, 6 if spec["kind"] == "leave_one_out" else 60, 0, C)
    assert len(many) == more
    assert all(np.array_equal(a, b) for a, b in zip(few, many, strict=False))


def test_random_groups_have_their_size_and_no_sample_twice():
    for group in draw_groups("d", random_groups(50, 0.02), 1000, 7):
        assert len(group) == len(set(group)) == 20
        assert (np.diff(group) > 0).all()
        assert group.dtype == np.int64


def test_random_groups_cover_evenly():
    counts = np.bincount(flat(draw_groups("d", random_groups(2000, 0.1), 50, 0)), minlength=50)
    # 2,000 draws of 5 in 50: mean 200, binomial standard deviation 13.4
    assert abs(counts - 200).max() < 5 * 13.4


@pytest.mark.parametrize("other", [("e", 0.1, 0), ("d", 0.12, 0), ("d", 0.1, 1)])
def test_name_fraction_and_seed_decide(other):
    name, fraction, seed = other
    here = draw_groups("d", random_groups(5), 100, 0)
    there = draw_groups(name, random_groups(5, fraction), 100, seed)
    assert flat(here) != flat(there)


def test_every_group_that_exists_can_be_had():
    groups = draw_groups("d", random_groups(10, 0.4), 5, 0)
    assert len({tuple(g) for g in groups}) == 10


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("largest", [1, 2, 5, 4, 0, 3]),
        ("smallest", [3, 0, 4, 5, 2, 1]),
        ("most_helpful", [2, 5, 0, 3, 4, 1]),
        ("most_harmful", [1, 4, 3, 0, 5, 2]),
    ],
)
def test_single_samples_by_score(choice, expected):
    assert flat(draw_groups("d", single(choice, 6), 6, 0, C)) == expected


def test_single_samples_at_random_need_no_score():
    spec = {"kind": "leave_one_out", "choice": "random", "groups": 6}
    assert not needs_scores(spec)
    assert sorted(flat(draw_groups("d", spec, 6, 0))) == list(range(6))


def test_blocks_of_a_ranking():
    spec = {"kind": "top_groups", "side": "most_harmful", "fraction": 1 / 3, "groups": 3}
    assert [g.tolist() for g in draw_groups("d", spec, 6, 0, C)] == [[1, 4], [0, 3], [2, 5]]


def test_equal_scores_go_by_position():
    assert flat(draw_groups("d", single("largest", 4), 6, 0, np.ones(6))) == [0, 1, 2, 3]


@pytest.mark.parametrize("c", [None, np.ones(5), np.array([1.0, np.nan, 2, 3, 4, 5])])
def test_a_score_that_cannot_rank_is_refused(c):
    with pytest.raises(StudyError, match="one finite contribution"):
        draw_groups("d", single("largest", 1), 6, 0, c)


@pytest.mark.parametrize(
    ("spec", "samples", "message"),
    [
        (random_groups(1, 0.001), 100, "0.001 of 100 training samples is a group of 0"),
        (random_groups(1, 0.999), 100, "group of 100; expected: a group of 1 to 99"),
        (random_groups(11, 0.4), 5, r"designs\.d\.groups: 11 groups of 2 of 5.*at most 10"),
        (random_groups(101, 0.01), 100, "at most 100"),
        (single("random", 7), 6, "at most 6"),
        ({"kind": "top_groups", "side": "most_helpful", "fraction": 0.5, "groups": 3}, 6, "at most 2"),
        (single("random", 1), 1, "group of 1; expected"),
    ],
)
def test_impossible_designs_are_refused_with_the_numbers(spec, samples, message):
    with pytest.raises(StudyError, match=message):
        draw_groups("d", spec, samples, 0, np.ones(samples))


def test_a_group_that_empties_a_class_is_refused_with_the_counts():
    labels = np.array([0, 0, 0, 1, 1, 2])
    check_classes("d", [np.array([0, 1, 3])], labels, ["a", "b", "c"])
    check_classes("d", [np.array([0, 1])], labels, ["a", "b", "c", "nobody"])
    with pytest.raises(StudyError, match=r"group 1 of design 'd' takes all 2 .* class 'b' \(3 of 6"):
        check_classes("d", [np.array([0]), np.array([0, 3, 4])], labels, ["a", "b", "c"])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"kind": "random_groups", "groups": 2}, "lacks fraction"),
        ({"kind": "leave_one_out", "groups": 2}, "lacks choice"),
        ({"kind": "leave_one_out", "choice": "largest", "groups": 2}, "lacks method, query"),
        ({"kind": "top_groups", "fraction": 0.1, "groups": 2}, "lacks side"),
        (random_groups(2) | {"choice": "random"}, "choice has no meaning for random_groups"),
        (single("random", 2), "method has no meaning"),
        (single("largest", 2) | {"method": "hydra_exakt"}, "did you mean 'm'|use one of: m"),
        (single("largest", 2) | {"query": "p"}, "query: 'p' is not in this study"),
        (random_groups(2, 0.999), "expected: a group of 1 to 99"),
    ],
)
def test_what_a_design_needs(spec, message):
    with pytest.raises(StudyError, match=message):
        check_design("d", spec, 100, ["m"], ["q"])


def test_good_designs_pass():
    for spec in (
        random_groups(2),
        single("largest", 2),
        {"kind": "leave_one_out", "choice": "random", "groups": 2},
        {
            "kind": "top_groups",
            "side": "most_helpful",
            "fraction": 0.1,
            "groups": 2,
            "method": "m",
            "query": "q",
        },
    ):
        check_design("d", spec, 100, ["m"], ["q"])


def test_the_section_and_its_designs():
    section = {"groups": 40, "fraction": 0.02, "batch": 10}
    assert design_specs(section) == {"groups": random_groups(40, 0.02)}
    specs = design_specs(section | {"designs": {"half": random_groups(8, 0.5)}})
    assert list(specs) == ["groups", "half"]


@pytest.mark.parametrize(
    ("groups", "size", "expected"),
    [(0, 10, []), (1, 10, [(0, 1)]), (20, 10, [(0, 10), (10, 10)]), (25, 10, [(0, 10), (10, 10), (20, 5)])],
)
def test_batches(groups, size, expected):
    assert list(batch_bounds(groups, size)) == expected
