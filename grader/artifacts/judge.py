"""The referee's trusted side: asks a sandbox child about a model and judges what it answers.

The model's bytes are never parsed here. Every answer of the child is hostile plain data: it is checked for type, shape
and size before it is used, and an answer that is none makes the model refused, never an exception. Nothing that the
child says after it has seen the reference inputs is shown as text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from grader.model import ArtefactResult, ArtefactSpec, AuthoringError, GraderFault, Outcome, TensorFact, TensorSpec

Case = tuple[Sequence[np.ndarray], Sequence[np.ndarray]]

BATCHES_A_SIZE = 64
SHOWN_CHARACTERS = 600
NAME_CHARACTERS = 512
SHOWN_NAME = 80
MOST_ENTRIES = 100
MOST_AXES = 32
LARGEST_INT = 1 << 63
# Differences are told to this many digits: a model shall not be able to write its inputs into them.
DIGITS = 2
BROKE = "the model broke its run (no answer of the referee's came back); export it again with standard operators"
CURES = {
    Outcome.TIMED_OUT: "make the model smaller or simpler",
    Outcome.OUT_OF_MEMORY: "make the model, and what it computes in between, smaller",
    Outcome.CRASHED: "it crashed the runtime: export it again with standard operators",
}


class WorkerEnded(Exception):
    """What a `Caller` raises for anything that the child did instead of answering: ended, hung, raised, answered no value.

    `outcome` is timed_out, out_of_memory or crashed; the text says what happened ("ran longer than 10 s").
    """

    def __init__(self, outcome: Outcome, text: str) -> None:
        super().__init__(text)
        self.outcome = outcome


class Caller(Protocol):
    """A sandbox child that runs the functions of `grader.artifacts.inspect`."""

    def call(self, name: str, *args: object) -> object:
        """What the function returned, plain and untrusted. WorkerEnded, or GraderFault where the machine failed."""
        ...


@dataclass(frozen=True, slots=True)
class Trial:
    """One call of the model: what it gets, what it must answer, and what to call it.

    `base` is the case that the rows were taken from, `rows` which ones in which order; None for a case as it is.
    """

    title: str
    inputs: Sequence[np.ndarray]
    expected: Sequence[np.ndarray]
    base: int
    rows: np.ndarray | None = None


class _Refused(Exception):
    """The model is not accepted; the text is the reason."""


def spec_as_plain(spec: ArtefactSpec) -> dict[str, Any]:
    """What `inspect.examine` needs to know of `spec`, as plain values; text has the dtype "str"."""

    def tensors(specs: Sequence[TensorSpec]) -> list[dict[str, Any]]:
        return [{"name": one.name, "dtype": dtype_name(one.dtype), "shape": list(one.shape)} for one in specs]

    return {
        "inputs": tensors(spec.inputs),
        "outputs": tensors(spec.outputs),
        "max_bytes": spec.max_bytes,
        "ir_versions": list(spec.ir_versions),
        "opsets": {domain: list(span) for domain, span in spec.opsets.items()},
    }


def dtype_name(dtype: str) -> str:
    """The one name of a dtype; "str" for text, however numpy spells it. AuthoringError where it is none."""
    if dtype in ("str", "object", "string"):
        return "str"
    try:
        found = np.dtype(dtype)
    except TypeError as error:
        raise AuthoringError(f"[artefact]: {dtype!r} is no dtype; write it as numpy does, such as float32") from error
    return "str" if found.kind in "OU" else found.name


def case_batches(cases: Sequence[Case], spec: ArtefactSpec) -> list[Trial]:
    """The rows of the longest case in batches of each of `spec.batch_sizes`, and all of them in another order.

    At most 64 batches a size, each full: rows are used again where they do not suffice. None where some input or
    output has no dynamic first axis.
    """
    if not spec.inputs or not all(one.shape and one.shape[0] is None for one in (*spec.inputs, *spec.outputs)):
        return []
    base = max(range(len(cases)), key=lambda index: len(cases[index][0][0]))
    inputs, expected = cases[base]
    count = len(inputs[0])
    chosen: list[tuple[str, np.ndarray]] = []
    for size in spec.batch_sizes:
        batches = min(BATCHES_A_SIZE, -(-count // size))
        rows = np.arange(batches * size) % count
        chosen += [(f"in batches of {size}", part) for part in rows.reshape(batches, size)]
    chosen.append((f"on {count} rows in another order", np.random.default_rng(count).permutation(count)))
    return [Trial(title, [one[rows] for one in inputs], [one[rows] for one in expected], base, rows) for title, rows in chosen]


def judge(caller: Caller, name: str, data: bytes, spec: ArtefactSpec, cases: Sequence[Case]) -> ArtefactResult:
    """The verdict on the model in `data`: accepted only if it is sound and agrees with every case, however cut to batches.

    `cases` are inputs in the spec's order and the outputs that the reference gives. A refusal has its reason.
    AuthoringError where the cases do not fit the spec; GraderFault passes through.
    """
    _check_cases(cases, spec)
    result = ArtefactResult(name=clean(name, SHOWN_NAME), accepted=False, reason=None, bytes=len(data))
    try:
        if not data or len(data) > spec.max_bytes:
            raise _Refused(f"has {len(data)} bytes; 1 to {spec.max_bytes} are allowed")
        answer = _mapping(_call(caller, "examine", data, spec_as_plain(spec)), {"ok", "code", "reason", "facts"})
        result, input_names = _with_facts(result, answer["facts"])
        if answer["ok"] is not True:
            raise _Refused(clean(answer["reason"], SHOWN_CHARACTERS) or BROKE)
        if len(input_names) != len(spec.inputs) or len(result.outputs) != len(spec.outputs):
            raise _Refused(BROKE)
        result, reason = _compared(caller, data, spec, cases, result, input_names)
    except _Refused as refused:
        reason = str(refused)
    return replace(result, accepted=reason is None, reason=None if reason is None else f"{result.name}: {reason}")


def clean(text: object, limit: int) -> str:
    """Hostile text on one line: nothing but printable characters, at most `limit` of them; "" for what is no text."""
    if type(text) is not str:
        return ""
    line = "".join(character if character.isprintable() else " " for character in text[: 4 * limit])
    line = " ".join(line.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _check_cases(cases: Sequence[Case], spec: ArtefactSpec) -> None:
    if not cases:
        raise AuthoringError("artefact: there are no cases; give at least one pair of inputs and expected outputs")
    if any(size < 1 for size in spec.batch_sizes):
        raise AuthoringError(f"artefact: batch_sizes are {spec.batch_sizes}; each is at least 1")
    for number, (inputs, expected) in enumerate(cases, 1):
        counts = set()
        for side, arrays, specs in (("inputs", inputs, spec.inputs), ("outputs", expected, spec.outputs)):
            if len(arrays) != len(specs):
                raise AuthoringError(f"artefact: case {number} has {len(arrays)} {side}; the spec has {len(specs)}")
            for array, want in zip(arrays, specs, strict=True):
                _check_array(array, want, f"artefact: case {number}, {side}")
                counts |= {len(array)} if want.shape and want.shape[0] is None else set()
        if len(counts) > 1 or 0 in counts:
            raise AuthoringError(f"artefact: case {number} has {sorted(counts)} rows; give one number of rows, at least 1")


def _check_array(array: np.ndarray, want: TensorSpec, where: str) -> None:
    shape = [None if wanted is None else size for size, wanted in zip(array.shape, want.shape, strict=False)]
    if array.ndim != len(want.shape) or shape != list(want.shape) or dtype_name(array.dtype.str) != dtype_name(want.dtype):
        raise AuthoringError(f"{where}: {array.dtype} {array.shape} does not fit the spec's {want.dtype} {want.shape}")
    if array.dtype.kind in "fc" and not np.isfinite(array).all():
        raise AuthoringError(f"{where}: holds NaN or infinity; give finite values only")


def _call(caller: Caller, function: str, *args: object) -> object:
    try:
        return caller.call(function, *args)
    except WorkerEnded as ended:
        if ended.outcome not in CURES:
            raise GraderFault(f"referee: {ended}") from ended
        raise _Refused(f"{clean(str(ended), SHOWN_CHARACTERS)}; {CURES[ended.outcome]}") from ended


def _mapping(value: object, keys: set[str]) -> dict[str, Any]:
    if type(value) is not dict or set(value) != keys:
        raise _Refused(BROKE)
    return value


def _is_count(value: object) -> bool:
    return type(value) is int and -LARGEST_INT <= value <= LARGEST_INT


def _with_facts(result: ArtefactResult, facts: object) -> tuple[ArtefactResult, list[str]]:
    """`result` with what the child says about the model, and the model's own names of its inputs."""
    found = _mapping(facts, {"bytes", "ir_version", "opset", "operators", "inputs", "outputs"})
    if found["ir_version"] is not None and not _is_count(found["ir_version"]):
        raise _Refused(BROKE)
    inputs, names = _tensor_facts(found["inputs"])
    outputs, _ = _tensor_facts(found["outputs"])
    known = replace(
        result,
        ir_version=found["ir_version"],
        opset=_counts(found["opset"]),
        operators=_counts(found["operators"]),
        inputs=inputs,
        outputs=outputs,
    )
    return known, names


def _counts(value: object) -> Mapping[str, int]:
    if type(value) is not dict or len(value) > MOST_ENTRIES:
        raise _Refused(BROKE)
    if not all(type(key) is str and _is_count(count) for key, count in value.items()):
        raise _Refused(BROKE)
    return {clean(key, SHOWN_NAME): count for key, count in value.items()}


def _tensor_facts(value: object) -> tuple[tuple[TensorFact, ...], list[str]]:
    if type(value) is not list or len(value) > MOST_ENTRIES:
        raise _Refused(BROKE)
    facts, names = [], []
    for item in value:
        one = _mapping(item, {"name", "dtype", "shape"})
        shape = [] if one["shape"] is None else one["shape"]
        if type(shape) is not list or len(shape) > MOST_AXES or not all(size is None or _is_count(size) for size in shape):
            raise _Refused(BROKE)
        if type(one["name"]) is not str or len(one["name"]) > NAME_CHARACTERS:
            raise _Refused(BROKE)
        facts.append(TensorFact(clean(one["name"], SHOWN_NAME), clean(one["dtype"], SHOWN_NAME), tuple(shape)))
        names.append(one["name"])
    return tuple(facts), names


def _compared(
    caller: Caller, data: bytes, spec: ArtefactSpec, cases: Sequence[Case], result: ArtefactResult, names: list[str]
) -> tuple[ArtefactResult, str | None]:
    """`result` with the differences from the reference, and the reason why it is refused (None: it agrees)."""
    whole = [
        Trial(f"on case {number} ({_rows_of(inputs)})", inputs, expected, number - 1)
        for number, (inputs, expected) in enumerate(cases, 1)
    ]
    cut = case_batches(cases, spec)
    trials = [*whole, *cut]
    feeds = [{name: _for_runtime(array) for name, array in zip(names, trial.inputs, strict=True)} for trial in trials]
    answer = _call(caller, "run", data, feeds)
    got, milliseconds = _run_answer(answer, trials, spec)
    result = replace(
        result, **_differences(got, trials), batch_sizes=spec.batch_sizes if cut else (), milliseconds=milliseconds
    )  # fmt: skip
    reasons = [_disagreement(found, trial.expected, result, spec, trial.title) for found, trial in zip(got, trials, strict=True)]
    first = next((reason for reason in reasons if reason is not None), None)
    if first is not None:
        first = _batch_dependence(got, trials, result, spec) or first
    return result, first


def _rows_of(inputs: Sequence[np.ndarray]) -> str:
    count = len(inputs[0]) if inputs and inputs[0].ndim else 0
    return f"{count} row{'' if count == 1 else 's'}"


def _for_runtime(array: np.ndarray) -> np.ndarray:
    return array.astype(object) if array.dtype.kind == "U" else np.ascontiguousarray(array)


def _run_answer(answer: object, trials: Sequence[Trial], spec: ArtefactSpec) -> tuple[list[list[np.ndarray]], float]:
    if type(answer) is dict and answer.get("ok") is False:
        raise _Refused(_run_failure(_mapping(answer, {"ok", "code", "call"}), trials))
    found = _mapping(answer, {"ok", "outputs", "milliseconds"})
    outputs, milliseconds = found["outputs"], found["milliseconds"]
    if found["ok"] is not True or type(outputs) is not list or len(outputs) != len(trials):
        raise _Refused(BROKE)
    if type(milliseconds) is not float or not 0 <= milliseconds < 1e9:
        raise _Refused(BROKE)
    for arrays, trial in zip(outputs, trials, strict=True):
        if type(arrays) is not list or len(arrays) != len(spec.outputs):
            raise _Refused(BROKE)
        for number, (array, expected, want) in enumerate(zip(arrays, trial.expected, spec.outputs, strict=True), 1):
            _check_output(array, expected, want, f"output {number} {trial.title}")
    return outputs, round(milliseconds, 3)


def _run_failure(answer: dict[str, Any], trials: Sequence[Trial]) -> str:
    call = answer["call"]
    if type(call) is not int or not 0 <= call < len(trials):
        return BROKE
    if answer["code"] == "memory":
        return f"needed more memory than allowed {trials[call].title}; {CURES[Outcome.OUT_OF_MEMORY]}"
    return f"onnxruntime cannot run it {trials[call].title}; run it yourself on 1, 7 and 64 rows of the declared dtype and shape"


def _check_output(array: object, expected: np.ndarray, want: TensorSpec, where: str) -> None:
    if type(array) is not np.ndarray:
        raise _Refused(BROKE)
    dtype = dtype_name(want.dtype)
    if dtype == "str":
        if array.dtype.kind not in "OU" or not all(type(item) is str for item in array.ravel().tolist()):
            raise _Refused(f"{where}: is no text; expected str")
    elif array.dtype != np.dtype(dtype):
        raise _Refused(f"{where}: has another dtype than expected, {dtype}")
    if array.shape != expected.shape:
        raise _Refused(f"{where}: has another shape than expected, {list(expected.shape)}; check the axes of the export")


def _differences(got: Sequence[Sequence[np.ndarray]], trials: Sequence[Trial]) -> dict[str, Any]:
    """The largest finite differences of all floats, and the share of the other values that are equal."""
    largest: dict[str, list[float]] = {"abs": [], "rel": []}
    equal = total = 0
    for arrays, trial in zip(got, trials, strict=True):
        for array, expected in zip(arrays, trial.expected, strict=True):
            if expected.dtype.kind not in "fc":
                equal += int(np.count_nonzero(_same(array, expected)))
                total += expected.size
                continue
            difference, size = _distance(array, expected), np.abs(_wide(expected))
            finite = np.isfinite(difference)
            largest["abs"] += difference[finite].max(initial=0.0, keepdims=True).tolist() if finite.any() else []
            usable = finite & (size > 0)
            with np.errstate(over="ignore"):
                largest["rel"] += (
                    (difference[usable] / size[usable]).max(initial=0.0, keepdims=True).tolist() if finite.any() else []
                )
    return {
        "max_abs_difference": _told(largest["abs"]),
        "max_rel_difference": _told(largest["rel"]),
        "label_agreement": equal / total if total else None,
    }


def _told(values: list[float]) -> float | None:
    return float(f"{min(max(values), 1e300):.{DIGITS - 1}e}") if values else None


def _wide(array: np.ndarray) -> np.ndarray:
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def _distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """|one - other| in float64; infinite or NaN where `one` is."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.abs(_wide(one) - _wide(other))


def _same(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    if other.dtype.kind in "OU":
        pairs = zip(one.ravel().tolist(), other.ravel().tolist(), strict=True)
        return np.array([a == b for a, b in pairs], dtype=bool).reshape(other.shape)
    return np.asarray(one == other)


def _agrees(one: np.ndarray, other: np.ndarray, spec: ArtefactSpec, times: float = 1.0) -> np.ndarray:
    """Where |one - other| <= times (atol + rtol |other|), or the two are equal where they are no floats."""
    if other.dtype.kind not in "fc":
        return _same(one, other)
    with np.errstate(invalid="ignore", over="ignore"):
        return _distance(one, other) <= times * (spec.atol + spec.rtol * np.abs(_wide(other)))


def _disagreement(
    got: Sequence[np.ndarray], expected: Sequence[np.ndarray], result: ArtefactResult, spec: ArtefactSpec, title: str
) -> str | None:
    for number, (array, other) in enumerate(zip(got, expected, strict=True), 1):
        where = f"output {number} {result.outputs[number - 1].name!r} {title}"
        if array.dtype.kind in "fc" and not np.isfinite(array).all():
            return f"{where}: holds NaN or infinity at {_place(~np.isfinite(array))}; look for overflow, log or division by 0"
        differs = ~_agrees(array, other, spec)
        if not differs.any():
            continue
        count = f"{int(differs.sum())} of {differs.size} values differ from the reference, first at {_place(differs)}"
        if other.dtype.kind not in "fc":
            return f"{where}: {count}; compare the export with the model's own answers"
        worst = _told([float(value) for value in _distance(array, other)[differs].tolist() if math.isfinite(value)])
        worst_text = "" if worst is None else f", by up to {worst:.2g}"
        allowed = f"{spec.atol:g}" + (f" + {spec.rtol:g} |expected|" if spec.rtol else "")
        return f"{where}: {count}{worst_text} (allowed {allowed}); compare the export with the model's own answers"
    return None


def _place(places: np.ndarray) -> str:
    return str([int(axis) for axis in np.argwhere(places)[0]])


def _batch_dependence(
    got: Sequence[Sequence[np.ndarray]], trials: Sequence[Trial], result: ArtefactResult, spec: ArtefactSpec
) -> str | None:
    """Why a row's answer depends on the rows beside it, where it does: then that is what there is to say."""
    for arrays, trial in zip(got, trials, strict=True):
        if trial.rows is None:
            continue
        for number, (array, whole) in enumerate(zip(arrays, got[trial.base], strict=True), 1):
            other = whole[trial.rows]
            finite = np.isfinite(_wide(other)) if other.dtype.kind in "fc" else np.ones(other.shape, dtype=bool)
            # Each may lie off the reference by the tolerance, to either side.
            if not (_agrees(array, other, spec, 2.0) | ~finite).all():
                name = result.outputs[number - 1].name
                return (
                    f"output {number} {name!r}: the same row gets another answer {trial.title} than beside other rows; "
                    "compute each row by itself (evaluation mode, no statistics of the batch)"
                )
    return None
