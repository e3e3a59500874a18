"""Numbers about this process, for Prometheus: counters, histograms, and gauges that are asked when they are read."""

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator

LATENCY_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
Labels = tuple[str, ...]


class Counter:
    """Goes up. `add` is cheap enough for every event."""

    kind = "counter"

    def __init__(self, name: str, doc: str, labels: Labels = ()) -> None:
        self.name, self.doc, self.labels = name, doc, labels
        self._lock = threading.Lock()
        self._values: dict[Labels, float] = {} if labels else {(): 0}

    def add(self, amount: float = 1, *values: str) -> None:
        with self._lock:
            self._values[values] = self._values.get(values, 0) + amount

    def lines(self) -> Iterator[str]:
        with self._lock:
            values = sorted(self._values.items())
        for key, value in values:
            yield f"{self.name}{_shown(self.labels, key)} {value:g}"


class Histogram:
    """How long things took, in seconds."""

    kind = "histogram"

    def __init__(self, name: str, doc: str, labels: Labels = ()) -> None:
        self.name, self.doc, self.labels = name, doc, labels
        self._lock = threading.Lock()
        self._values: dict[Labels, list[float]] = {}

    def observe(self, seconds: float, *values: str) -> None:
        place = bisect_left(LATENCY_BUCKETS_S, seconds)
        with self._lock:
            found = self._values.get(values)
            if found is None:
                found = self._values[values] = [0.0] * (len(LATENCY_BUCKETS_S) + 2)
            found[place] += 1
            found[-1] += seconds

    def lines(self) -> Iterator[str]:
        with self._lock:
            values = sorted((key, list(found)) for key, found in self._values.items())
        bounds = [*(f"{bound:g}" for bound in LATENCY_BUCKETS_S), "+Inf"]
        for key, found in values:
            below = 0.0
            for bound, count in zip(bounds, found[:-1], strict=True):
                below += count
                yield f"{self.name}_bucket{_shown((*self.labels, 'le'), (*key, bound))} {below:g}"
            yield f"{self.name}_sum{_shown(self.labels, key)} {found[-1]:.6f}"
            yield f"{self.name}_count{_shown(self.labels, key)} {below:g}"


class Gauge:
    """A number as it is now: `read` is called when somebody looks."""

    def __init__(self, name: str, doc: str, read: Callable[[], float], kind: str = "gauge") -> None:
        self.name, self.doc, self.kind, self._read = name, doc, kind, read

    def lines(self) -> Iterator[str]:
        yield f"{self.name} {self._read():g}"


class Registry:
    """All numbers of a process by name. Asking again for one that is there gives the same one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Counter | Histogram | Gauge] = {}

    def counter(self, name: str, doc: str, labels: Labels = ()) -> Counter:
        with self._lock:
            found = self._known.setdefault(name, Counter(name, doc, labels))
        assert isinstance(found, Counter)
        return found

    def histogram(self, name: str, doc: str, labels: Labels = ()) -> Histogram:
        with self._lock:
            found = self._known.setdefault(name, Histogram(name, doc, labels))
        assert isinstance(found, Histogram)
        return found

    def gauge(self, name: str, doc: str, read: Callable[[], float], kind: str = "gauge") -> None:
        """The last `read` of a name is the one that is asked. `kind` is `counter` for one that only goes up."""
        with self._lock:
            self._known[name] = Gauge(name, doc, read, kind)

    def text(self) -> str:
        """Prometheus' text format. A gauge that fails is left out."""
        with self._lock:
            known = sorted(self._known.items())
        found = []
        for name, one in known:
            try:
                lines = list(one.lines())
            except Exception:
                continue
            found += [f"# HELP {name} {one.doc}", f"# TYPE {name} {one.kind}", *lines]
        return "\n".join(found) + "\n"


def _shown(labels: Labels, values: Labels) -> str:
    if not labels:
        return ""
    pairs = (f'{name}="{_escaped(value)}"' for name, value in zip(labels, values, strict=True))
    return "{" + ",".join(pairs) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


METRICS = Registry()
"""This process's."""
