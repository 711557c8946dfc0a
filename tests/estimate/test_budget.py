"""Time is shared, and what takes longer than its share is ended."""

from __future__ import annotations

import signal
import threading

import pytest

from hydra_steps.estimate.budget import Budget, OutOfTime, at_most


def endless() -> None:
    while True:
        try:
            sum(range(100))
        except Exception:  # a method that goes on whatever happens
            continue


def test_what_never_ends_is_ended_and_the_signal_is_as_before() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(OutOfTime), at_most(0.05):
        endless()
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_without_time_nothing_is_begun() -> None:
    begun = []
    with pytest.raises(OutOfTime), at_most(Budget(0.0).left):
        begun.append(1)
    assert not begun


def test_what_is_done_in_time_is_left_alone() -> None:
    with at_most(3600.0):
        done = 1
    assert done == 1


def test_another_thread_has_no_limit_but_works() -> None:
    done = []

    def work() -> None:
        with at_most(3600.0):
            done.append(1)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [1]


def test_shares_are_of_what_is_left() -> None:
    budget = Budget(1000.0)
    assert 4 * budget.share(4) <= 1000
    assert 0 < budget.share(0) <= 1000
    assert Budget(-1.0).left == 0
