"""The decorators that declare what a study can choose by name; one for each kind.

A decorator's arguments must be literals, as they are read from the source (:mod:`hydra_steps.registry.reading`); the
exceptions, which only jobs need, are listed in ``RUNTIME``. Of the decorated function, parameters without a
default are given by the caller, parameters with one are options of the study. An option's type is its annotation
(``Annotated[float, "0 <= x < 1"]`` for bounds, ``Literal[...]`` for a choice), its sentence stands in the docstring
under ``Options:``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

# kind → name → (the decorated object, its runtime arguments)
REGISTERED: dict[str, dict[str, tuple[Any, dict[str, Any]]]] = {}
# Arguments that are no literals and that planning does not need.
RUNTIME: dict[str, tuple[str, ...]] = {"dataset": ("files", "sources")}


def _keep(kind: str, name: str, **runtime: Any) -> Callable[[F], F]:
    def register(target: F) -> F:
        REGISTERED.setdefault(kind, {})[name] = (target, runtime)
        return target

    return register


def dataset(
    name: str,
    *,
    classes: Sequence[str] = (),
    shape: Sequence[int] | Mapping[str, Sequence[int]] = (),
    dtype: str | Mapping[str, str] = "",
    parts: Mapping[str, int] = {},
    targets: Literal["class", "labels", "numbers", "tokens"] = "class",
    outputs: Sequence[str] = (),
    title: str = "",
    mean: Sequence[float] = (),
    std: Sequence[float] = (),
    white: float = 255.0,
    reference: str = "",
    bundled: str = "",
    reads: Sequence[str] = ("**",),
    files: Sequence[Any] = (),
    sources: Sequence[Any] = (),
) -> Callable[[F], F]:
    """Declare a dataset: ``(folder, **options) -> {part: Part}``, its published parts as arrays.

    ``targets``: what is asked of a sample, a class (named by ``classes``), or what ``outputs`` names: several labels, 0
    or 1 [n, k], numbers, float32 [n, k], or the next tokens, int64 [n, length] with −100 where none is asked for.
    ``shape`` is that of a sample, of images (channels, height, width); or shapes by name, where the model takes several
    arrays as ``module(**inputs)`` (``hs.Group``). ``dtype``: of inputs that are no images, float32 (of tokens int64) if
    nothing is said, bool or int64, of several by name.
    ``parts``: published part (``train``, ``test``) → number of samples; with
    ``train`` alone all splits are drawn from it. ``mean`` and ``std``, one number per channel: those of the pixels
    divided by ``white``, the value of a full pixel (0 and 1 where they are not given). ``bundled``: SHA-256 of the
    content of data that ship with a dependency. ``files`` are verified before the function is called, and fetched
    from ``sources``. ``reads``: of a dataset without ``files``, patterns (:mod:`glob`) of what it is read from,
    relative to its folder; by default all there that is not hidden. Where these files change, the data are read again.

    One that declares neither ``classes`` nor ``shape`` nor ``parts`` is *described by reading*: ``(folder, **options)
    -> Samples`` (:class:`hydra_steps.data.samples.Samples`), called once, when the first study of it is planned. Its
    ``folder`` is the study's ``data.folder`` itself, and its ``reads`` may name options: ``["{file}"]``.
    """
    return _keep("dataset", name, files=tuple(files), sources=tuple(sources))


def noise(
    name: str,
    *,
    title: str = "",
    targets: Sequence[str] = ("class",),
    images: bool = False,
    known: bool = True,
) -> Callable[[F], F]:
    """Declare a kind of noise: ``(clean: CleanTargets, **options) -> noisy targets``, of the form of the clean ones.

    ``title`` completes the sentence "20 % of the labels were …". ``targets``: which it changes (as a task names them;
    empty: any). ``images``: it looks at the images. ``known``: the
    labels that it is given are the clean ones; where that is not known, nothing is measured against them.
    """
    return _keep("noise", name)


def model(name: str, *, title: str = "", article: str = "") -> Callable[[F], F]:
    """Declare a model: ``(shape, outputs, **options) -> torch.nn.Module`` for samples of a shape; ``article``: "a",
    if any."""
    return _keep("model", name)


def task(
    name: str,
    *,
    title: str = "",
    targets: Literal["class", "labels", "numbers", "tokens"] = "class",
    metric: Literal["accuracy", "mean_accuracy", "f1", "r2", "perplexity"] = "accuracy",
    outputs: str = "n",
) -> Callable[[F], F]:
    """Declare a task, by its loss: ``(**options) -> Loss``, or the loss of samples as a function of the model's outputs
    [b, c] and the targets, ``(outputs, targets) -> [b]``.

    ``targets``: what is asked of a sample, one class (int64 [b]), several labels (0 or 1, [b, k]), numbers ([b, k]) or
    the next tokens (int64 [b, length], −100 where none). ``metric`` names what counts as good. ``outputs``: how many
    the model is asked for, an expression of ``n``, the number of classes, labels, numbers, or different tokens; of
    tokens so many at each place of a sequence.
    """
    return _keep("task", name)


def optimizer(
    name: str, *, title: str = "", slots: str = "0", require: Mapping[str, str] = {}
) -> Callable[[F], F]:
    """Declare an optimizer: ``(**options) -> Optimizer``, or its update alone,
    ``(parameters, slots, gradient, rate, step, **options) -> (parameters, slots)``, a pure elementwise function that
    is differentiated automatically.

    ``slots``: how many vectors of the parameters' size it keeps, an expression of its options. ``require``: what the
    options must fulfil, an expression → what is expected, in words.
    """
    return _keep("optimizer", name)


def schedule(name: str, *, title: str = "", require: Mapping[str, str] = {}) -> Callable[[F], F]:
    """Declare a schedule: ``(rate, epoch, epochs, losses, **options) -> rate`` of the next epoch, or ``(rate, step,
    steps, **options) -> rate`` of one step of so many; of what stands before the options it names those that it needs.

    ``epoch``: how many are over; ``losses``: the validation loss after each of them. ``require`` as for an optimizer.
    """
    return _keep("schedule", name)


def method(
    name: str,
    *,
    title: str = "",
    unit: Literal["query", "rank only"] = "query",
    computes: str = "",
    cost: str = "",
    needs: str = "the final state",
    use: str = "",
    libraries: Sequence[str] = (),
    by_epoch: bool = False,
    work: Mapping[str, str] = {},
    predicts: str = "0",
    memory: str = "0",
    require: Mapping[str, str] = {},
    colour: str = "",
    marker: str = "",
    line: str | Sequence[Any] = "-",
    order: int = 1000,
    targets: Sequence[str] = (),
    average: bool = True,
) -> Callable[[F], F]:
    """Declare a scoring method: ``(trajectory, queries, **options) -> Contribution``.

    ``unit``: ``query`` where contributions predict changes of the query, else ``rank only``. ``computes``, ``cost``,
    ``needs`` and ``use`` are shown to users. ``libraries``: modules that must be installed. ``by_epoch``: the
    function takes the parameter ``by_epoch`` and can keep contributions by epoch. ``work``: expressions of the
    options, of ``n`` training samples and ``e`` epochs for ``steps``, ``steps_per_query`` (in training steps per
    step), ``gradients`` and ``gradients_per_query`` (in single samples' gradients per sample). ``memory``: how many
    numbers it is sure to hold at once beside the data, an expression of the options, of ``n``, ``e``, ``p`` parameters,
    ``s`` vectors of the optimizer's, ``q`` queries, and ``k`` entries of the layers' Kronecker factors; a study whose
    numbers pass the machine's memory is refused. ``require`` as for an optimizer, also of ``n`` and ``e``.
    ``predicts``: an expression of the options for the share of samples whose removal it is made to predict; 0 is a
    small group. ``colour``, ``marker`` and ``line`` are its look in figures, ``order`` its place. ``targets``: of which
    tasks, by what they ask of a sample (empty: of all). ``average``: whether it can score a model that is the moving
    average of the training's parameters.
    """
    return _keep("method", name)


def query(
    name: str,
    *,
    title: str = "",
    over: Literal["split", "class", "sample"] = "sample",
    label: str,
    words: str,
    quantity: str = "loss",
    targets: Sequence[str] = (),
) -> Callable[[F], F]:
    """Declare a kind of query: ``(outputs [b, c], targets [b, …], loss) -> values [b]``, whose mean over ``over`` is
    the query.

    ``label`` and ``words`` are the query's name and its words, with ``{split}`` and ``{index}`` (the class or the
    position in the split). ``quantity``: what is asked about, ``loss`` or ``margin``; only equal ones may stand in
    one vector. ``targets``: of which tasks, by what they ask of a sample (empty: of all).
    """
    return _keep("query", name)


def table(
    name: str,
    *,
    title: str = "",
    keys: Sequence[str] = (),
    when: str = "True",
    also: Sequence[str] = (),
    settings: Mapping[str, str] = {},
    runs: Literal["all", "first"] = "all",
    large: bool = False,
    clock: bool = False,
    heavy: bool = False,
    seconds: str = "0",
    target: Literal["all", "benchmark"] = "all",
    order: int = 1000,
) -> Callable[[F], F]:
    """Declare a table: ``(<inputs by name>, output, **options)`` writes ``tables/<name>.csv``.

    The parameters without a default name what it reads (``scores``, ``labels``, ``outcomes``, …: the list is in
    :mod:`hydra_steps.plan.artifacts`), each a list of paths; ``<table>_table`` is the path of another table, with the
    default None where the table is read only if the study makes it. Options are those listed in the docstring, of the
    study's section ``name``, which the docstring's first paragraph describes; an option ``methods`` also decides
    whose scores are read. ``settings`` maps further parameters to expressions of the study. ``keys``: the table's
    columns between ``metric`` and ``n``. ``when``: an expression of the study that says whether it is made. ``also``:
    further files beside it, each given as the parameter that is its stem. ``runs``: all runs, or the lowest seed of
    each variant. ``large``: material for figures and not for reading; ``clock``: it differs from run to run;
    ``heavy``: it takes more than seconds, so that a cluster makes it; ``seconds``: how many typically
    on one core, beside its start, an expression of the study, of ``labels`` whose scores it reads and of ``runs``.
    ``target``: what asks for it, each run of the study or only ``snakemake benchmark``. ``order``: its place among
    the report's tables.
    """
    return _keep("table", name)


def figure(
    name: str,
    *,
    title: str = "",
    category: str = "Further figures",
    chapter: str = "Further figures",
    when: str = "True",
    order: int = 1000,
) -> Callable[[F], F]:
    """Declare a figure: ``(<table>_table, outputs, methods, style) `` draws ``figures/<name>.*`` from tables.

    The parameters ending in ``_table`` name the tables that it reads; one with a default is read where it is made.
    ``methods`` (the study's labels, each with its method) and ``style`` (its section ``figures``) may be left out. Any
    other parameter without a default is a further file beside a table, by its stem, or one of the kinds that tables
    read. It is drawn where all that it reads is made, and ``when`` holds. The docstring, after its first paragraph, is
    the caption: a Jinja template of the study's configuration in reStructuredText. ``category`` groups it in
    Snakemake's report, ``chapter`` is its heading in ours, ``order`` its place there.
    """
    return _keep("figure", name)


def sentence(
    name: str, *, title: str = "", chapter: str = "", paragraph: int = 0, order: int = 1000
) -> Callable[[F], F]:
    """Declare a rule that makes sentences: ``(tables: VariantTables) -> [Finding]``, of one variant's tables.

    ``chapter``: the heading of the report that they stand under, one of its own or a new one; a rule without a chapter
    is given the tables of the whole study, and its sentences end the summary. ``paragraph`` of the summary that key
    findings join (0: none). ``order``: its place in both.
    """
    return _keep("sentence", name)


KINDS: dict[str, Callable[..., Any]] = {
    "dataset": dataset,
    "noise": noise,
    "model": model,
    "task": task,
    "optimizer": optimizer,
    "schedule": schedule,
    "method": method,
    "query": query,
    "table": table,
    "figure": figure,
    "sentence": sentence,
}
