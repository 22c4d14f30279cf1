"""A trace of Perfetto taken apart with the messages of the package ``perfetto``, and not with ours."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as messages


@dataclass
class Slice:
    """An event that lasts; `path` is the names of its track and those above."""

    path: tuple[str, ...]
    track: int
    name: str
    category: str
    start_ns: int
    end_ns: int
    arguments: dict[str, Any]
    begins: list[int]
    ends: list[int]


@dataclass
class Parsed:
    slices: list[Slice] = field(default_factory=list)
    instants: list[Slice] = field(default_factory=list)
    # Path of the track → (time, value).
    values: dict[tuple[str, ...], list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))
    tracks: dict[int, Any] = field(default_factory=dict)

    def flows(self) -> list[tuple[Slice, Slice]]:
        """The events at both ends of every arrow; each id begins once and ends once."""
        begins = {flow: one for one in self.slices for flow in one.begins}
        ends = {flow: one for one in self.slices for flow in one.ends}
        assert len(begins) == sum(len(one.begins) for one in self.slices)
        assert len(ends) == sum(len(one.ends) for one in self.slices)
        assert begins.keys() == ends.keys()
        return [(begins[flow], ends[flow]) for flow in begins]

    def sums(self) -> dict[tuple[str, ...], tuple[int, int]]:
        """Events and their time by the path of their track."""
        count, total = Counter(), Counter()
        for one in self.slices:
            count[one.path] += 1
            total[one.path] += one.end_ns - one.start_ns
        return {path: (count[path], total[path]) for path in count}


def parse(content: bytes) -> Parsed:
    """All of a file; every packet must mean what was described and interned before it."""
    trace = messages.Trace()
    trace.ParseFromString(content)
    parsed = Parsed()
    interned: dict[str, dict[int, str]] = defaultdict(dict)
    events = []
    for packet in trace.packet:
        assert packet.trusted_packet_sequence_id == 1
        for kind in (
            "event_categories",
            "event_names",
            "debug_annotation_names",
            "debug_annotation_string_values",
        ):
            for one in getattr(packet.interned_data, kind):
                text = one.str.decode() if kind == "debug_annotation_string_values" else one.name
                assert one.iid not in interned[kind]
                interned[kind][one.iid] = text
        if packet.HasField("track_descriptor"):
            described = packet.track_descriptor
            assert described.uuid not in parsed.tracks
            assert not described.parent_uuid or described.parent_uuid in parsed.tracks
            parsed.tracks[described.uuid] = described
        if packet.HasField("track_event"):
            event = packet.track_event
            assert event.track_uuid in parsed.tracks
            said = None
            if event.type in (messages.TrackEvent.TYPE_SLICE_BEGIN, messages.TrackEvent.TYPE_INSTANT):
                said = (
                    interned["event_names"][event.name_iid],
                    interned["event_categories"][event.category_iids[0]],
                    {
                        interned["debug_annotation_names"][a.name_iid]: _value(a, interned)
                        for a in event.debug_annotations
                    },
                )
            events.append((packet.timestamp, event, said))
    # As Perfetto does: by time, and else in the order of the file.
    events.sort(key=lambda one: one[0])
    running: dict[int, list[Slice]] = defaultdict(list)
    for time, event, said in events:
        track, path = event.track_uuid, path_of(parsed.tracks, event.track_uuid)
        if event.type == messages.TrackEvent.TYPE_COUNTER:
            parsed.values[path].append((time, event.double_counter_value))
        elif event.type == messages.TrackEvent.TYPE_SLICE_END:
            ended = running[track].pop()
            ended.end_ns = time
            parsed.slices.append(ended)
        else:
            name, category, arguments = said
            one = Slice(
                path,
                track,
                name,
                category,
                time,
                time,
                arguments,
                list(event.flow_ids_old),
                list(event.terminating_flow_ids_old),
            )
            if event.type == messages.TrackEvent.TYPE_INSTANT:
                parsed.instants.append(one)
            else:
                running[track].append(one)
    assert not any(running.values()), "an event has no end"
    return parsed


def path_of(tracks: dict[int, Any], track: int) -> tuple[str, ...]:
    """The names of a track and of those above it, the topmost first."""
    found = tracks[track]
    if found.HasField("thread"):
        above = next(
            u for u, one in tracks.items() if one.HasField("process") and one.process.pid == found.thread.pid
        )
        return (*path_of(tracks, above), f"{found.thread.thread_name} {found.thread.tid}")
    if found.HasField("process"):
        return (found.process.process_name,)
    above = path_of(tracks, found.parent_uuid) if found.parent_uuid else ()
    return (*above, found.name)


def _value(annotation: Any, interned: dict[str, dict[int, str]]) -> Any:
    which = annotation.WhichOneof("value")
    value = getattr(annotation, which)
    return interned["debug_annotation_string_values"][value] if which == "string_value_iid" else value
