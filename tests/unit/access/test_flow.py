"""The own maximum flow against an independent implementation, on networks of every shape."""

from __future__ import annotations

import random

import networkx
import pytest

from drorch.access.flow import Arc, FlowNetwork


def random_arcs(seed: int) -> list[Arc]:
    """Any directed graph, with circles, parallel arcs, loops, unreachable nodes and arcs into the source."""
    dice = random.Random(seed)
    nodes = ["s", "t", *(f"n{number}" for number in range(dice.randint(0, 12)))]
    largest = dice.choice((1, 3, 50, 10**9))
    return [
        Arc(tail=dice.choice(nodes), head=dice.choice(nodes), capacity=dice.randint(0, largest))
        for _ in range(dice.randint(0, 40))
    ]


def value_by_networkx(arcs: list[Arc]) -> int:
    graph = networkx.DiGraph()
    graph.add_nodes_from(("s", "t"))
    for arc in arcs:
        before = graph.get_edge_data(arc.tail, arc.head, {"capacity": 0})["capacity"]
        graph.add_edge(arc.tail, arc.head, capacity=before + arc.capacity)
    return int(networkx.maximum_flow_value(graph, "s", "t"))


@pytest.mark.parametrize("block", range(10))
def test_the_same_value_as_networkx_on_1000_networks(block: int) -> None:
    for seed in range(block * 100, block * 100 + 100):
        arcs = random_arcs(seed)
        network = FlowNetwork(arcs, "s", "t")
        value = network.augment()
        assert value == value_by_networkx(arcs), f"seed {seed}"
        check_flow(arcs, network, value)
        check_cut(arcs, network, value)


def check_flow(arcs: list[Arc], network: FlowNetwork, value: int) -> None:
    """Within capacity, and what comes in goes out."""
    balance: dict[str, int] = {}
    for index, arc in enumerate(arcs):
        assert 0 <= network.flow(index) <= arc.capacity
        balance[arc.tail] = balance.get(arc.tail, 0) - network.flow(index)
        balance[arc.head] = balance.get(arc.head, 0) + network.flow(index)
    assert balance.pop("t", 0) == value == -balance.pop("s", 0)
    assert set(balance.values()) <= {0}


def check_cut(arcs: list[Arc], network: FlowNetwork, value: int) -> None:
    """The cut has exactly the value: nothing can be larger (max-flow min-cut)."""
    side = network.source_side()
    assert "s" in side
    assert "t" not in side
    assert sum(arc.capacity for arc in arcs if arc.tail in side and arc.head not in side) == value


def test_what_left_the_source_stays_when_capacity_is_raised() -> None:
    for seed in range(60):
        arcs = random_arcs(seed)
        network = FlowNetwork(arcs, "s", "t")
        first = network.augment()
        before = [network.flow(index) for index, arc in enumerate(arcs) if arc.tail == "s"]
        raised = [index for index, arc in enumerate(arcs) if arc.tail == "s"]
        for index in raised:
            network.raise_capacity(index, 5)
        more = network.augment()
        after = [network.flow(index) for index in raised]
        assert all(new >= old for new, old in zip(after, before, strict=True)), f"seed {seed}"
        larger = [
            Arc(tail=arc.tail, head=arc.head, capacity=arc.capacity + (5 if arc.tail == "s" else 0)) for arc in arcs
        ]
        assert first + more == value_by_networkx(larger)
