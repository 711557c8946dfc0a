"""Wrong studies, each with the words that its message has to have: the key, the value, and the fix."""

from __future__ import annotations

from typing import Any

IDENTITY = [[float(i == j) for j in range(10)] for i in range(10)]

WRONG_SETTINGS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "unknown section": ({"nois": {"rate": 0.1}}, ("nois", "rate", "did you mean 'noise'")),
    "unknown key": ({"training": {"epoch": 3}}, ("training.epoch", "3", "did you mean 'epochs'")),
    "unknown nested key": (
        {"training": {"optimizer": {"lr": 0.1}}},
        ("training.optimizer.lr", "0.1", "learning_rate"),
    ),
    "wrong type": ({"training": {"epochs": "many"}}, ("training.epochs", '"many"', "a whole number")),
    "a truth value for a number": ({"noise": {"rate": True}}, ("noise.rate", "true", "a number")),
    "rate above one": ({"noise": {"rate": 1.5}}, ("noise.rate", "1.5", "at most 1")),
    "negative rate": ({"noise": {"rate": -0.1}}, ("noise.rate", "-0.1", "0 or more")),
    "no epochs": ({"training": {"epochs": 0}}, ("training.epochs", "0", "1 or more")),
    "too many samples": ({"data": {"train": 5000}}, ("data.train", "5000", "1797", "digits")),
    "too many test samples": (
        {"data": {"name": "mnist", "test": 10_001}},
        ("data.test", "10001", "10000"),
    ),
    "two open splits": (
        {"data": {"name": "mnist", "train": None, "validation": None}},
        ("data.train", "null", "give a number"),
    ),
    "unknown dataset": ({"data": {"name": "mnst"}}, ("data.name", "mnst", "did you mean 'mnist'")),
    "unknown model": (
        {"model": {"name": "lenet5_than"}},
        ("model.name", "lenet5_than", "did you mean 'lenet5_tanh'"),
    ),
    "unknown noise": ({"noise": {"kind": "symetric"}}, ("noise.kind", "symetric", "'symmetric'")),
    "traced after the training": (
        {"training": {"epochs": 3}, "trace": {"epochs": [1, 4]}},
        ("trace.epochs", "4", "at most 3"),
    ),
    "traced by a method that is not there": (
        {"trace": {"epochs": [1], "methods": ["hydra_exat"]}},
        ("trace.methods", "hydra_exat", "did you mean 'hydra_exact'"),
    ),
    "traced for a query that is not there": (
        {"trace": {"epochs": [1], "queries": ["test_men"]}},
        ("trace.queries", "test_men", "did you mean 'test_mean'"),
    ),
    "values compared with a method that is not there": (
        {"methods": {"data_shapley": {}}, "values": {"truth": "data_shaply"}},
        ("values.truth", "data_shaply", "did you mean 'data_shapley'"),
    ),
    "values of a method that only ranks": (
        {"methods": {"trak_like": {"method": "final_loss"}}, "values": {"truth": "trak_like"}},
        ("values.truth", "trak_like", "only ranks", "query's unit"),
    ),
    "a window longer than the training": (
        {"training": {"epochs": 3}, "methods": {"hydra_exact": {"window": {"last_epochs": 4}}}},
        ("methods.hydra_exact.window.last_epochs", "4 of a training of 3 epochs", "1 to 3"),
    ),
    "a window after the training": (
        {
            "training": {"epochs": 2, "batch_size": 50},
            "data": {"train": 110},
            "methods": {"hydra_centred": {"window": {"from_step": 6}}},
        },
        ("methods.hydra_centred.window.from_step", "6 of a training of 6 steps", "0 to 5"),
    ),
    "a design's window before the training": (
        {
            "counterfactual": {
                "designs": {
                    "late": {
                        "kind": "random_groups",
                        "groups": 2,
                        "fraction": 0.1,
                        "window": {"from_step": -1},
                    }
                }
            }
        },
        ("counterfactual.designs.late.window", "-1", "{from_step: 100}"),
    ),
    "a window with two ends": (
        {"methods": {"hydra_exact": {"window": {"from_step": 1, "last_epochs": 1}}}},
        ("methods.hydra_exact.window", "{last_epochs: 2} or {from_step: 100}"),
    ),
    "a window of influence functions": (
        {"methods": {"influence_cg": {"window": {"last_epochs": 1}}}},
        ("methods.influence_cg.window", "looks at the whole training", "hydra_exact"),
    ),
    "a window that is traced": (
        {
            "training": {"epochs": 3},
            "trace": {"epochs": [2]},
            "methods": {"hydra_exact": {"window": {"last_epochs": 1}}},
        },
        ("methods.hydra_exact.window", "trace", "trace.methods"),
    ),
    "the middle of removing nobody": (
        {"methods": {"hydra_centred": {"fraction": 0}}},
        ("methods.hydra_centred.fraction", "0", "above 0"),
    ),
    "the middle of removing everybody": (
        {"methods": {"hydra_centred": {"fraction": 1}}},
        ("methods.hydra_centred.fraction", "1", "below 1"),
    ),
    "an integral with one node": (
        {"methods": {"hydra_integrated": {"nodes": 1}}},
        ("methods.hydra_integrated.nodes", "1", "2 or more"),
    ),
    "unknown method": ({"methods": {"hydra_exat": {}}}, ("methods.hydra_exat", "did you mean 'hydra_exact'")),
    "unknown method by option": (
        {"methods": {"mine": {"method": "influence"}}},
        ("methods.mine.method", "influence", "influence_cg"),
    ),
    "unknown option": (
        {"methods": {"influence_cg": {"dampin": 1}}},
        ("methods.influence_cg.dampin", "1", "did you mean 'damping'"),
    ),
    "damping zero": ({"methods": {"influence_cg": {"damping": 0}}}, ("influence_cg.damping", "0", "above 0")),
    "no method": ({"methods": {}}, ("methods",)),
    "a bad label": ({"methods": {"a/b": {"method": "random"}}}, ("methods", "a/b")),
    "unknown policy": ({"trajectory": {"keep": "some"}}, ("trajectory.keep", "some", "sqrt", "budget")),
    "seed twice": ({"seeds": [1, 1]}, ("seeds", "[1, 1]", "once")),
    "no seeds": ({"seeds": []}, ("seeds", "[]")),
    "a study outside its folder": ({"study": "../x"}, ("study", "../x")),
    "no matrix": ({"noise": {"kind": "transition_matrix"}}, ("noise.matrix", "null", "10 rows")),
    "a matrix of another size": (
        {"noise": {"kind": "transition_matrix", "matrix": [[1.0]]}},
        ("noise.matrix", "10 rows of 10"),
    ),
    "a row that does not sum to one": (
        {"noise": {"kind": "transition_matrix", "matrix": [*IDENTITY[:9], [0.5] + [0.0] * 9]}},
        ("row 9", "noise.matrix", "0.5"),
    ),
    "nesterov without momentum": (
        {"training": {"optimizer": {"nesterov": True, "momentum": 0}}},
        ("training.optimizer: sgd with momentum 0.0", "nesterov true", "a momentum above 0"),
    ),
    "milestones out of order": (
        {"training": {"schedule": {"name": "multistep", "milestones": [5, 3]}}},
        ("training.schedule: multistep with milestones [5, 3]", "rising order"),
    ),
    "colour images made grey": (
        {"data": {"name": "cifar10", "train": 100, "channels": 2}},
        ("data.channels", "2", "cifar10"),
    ),
    "a wrong variant": (
        {"variants": {"more": {"noise": {"rate": 2}}}},
        ("variants.more.noise.rate", "2", "at most 1"),
    ),
    "compared with a variant that is not there": (
        {"ablations": {"reference": "refrence"}, "variants": {"reference": {}, "other": {}}},
        ("ablations.reference", "refrence", "did you mean 'reference'"),
    ),
    "nothing to compare with the reference": (
        {"ablations": {"reference": "reference"}, "variants": {"reference": {}}},
        ("ablations.reference", "1 variant", "at least 2", "null"),
    ),
    "too many samples in a variant": (
        {"variants": {"more": {"data": {"train": 1797}}}},
        ("variants.more", "data.train", "1797"),
    ),
    "a variant of a section that has none": ({"variants": {"more": {"seeds": [1]}}}, ("seeds",)),
    "not a mapping": ([1, 2], ("the study", "mapping")),
    "a method set to false": ({"methods": {"random": False}}, ("methods.random", "false", "mapping")),
    "a method set to nothing but a list": ({"methods": {"random": []}}, ("methods.random", "[]", "mapping")),
    "a method by a list": (
        {"methods": {"mine": {"method": ["random"]}}},
        ("methods.mine.method", "is not a method"),
    ),
    "a label that is another method's name": (
        {"methods": {"hydra_exact": {"method": "random"}}},
        ("methods.hydra_exact", "name of another method", "rename"),
    ),
    "a line break at the end of a name": ({"study": "a\n"}, ("study", "not allowed")),
    "a line break at the end of a label": (
        {"methods": {"a\n": {"method": "random"}}},
        ("methods", "not allowed"),
    ),
    "no number": ({"noise": {"rate": float("nan")}}, ("noise.rate", "nan", "finite")),
    "a number without end": (
        {"training": {"optimizer": {"learning_rate": float("inf")}}},
        ("learning_rate", "Infinity"),
    ),
    "an option of another model": (
        {"model": {"name": "logistic", "hidden": [3]}},
        ("model.hidden", "unknown key"),
    ),
    "an option of another noise": ({"noise": {"kind": "none", "rate": 0.1}}, ("noise.rate", "unknown key")),
    "plug-ins that are no list": ({"plugins": "mine.py"}, ("plugins", "a list")),
    "a plug-in that is not there": ({"plugins": ["mine.py"]}, ("plugins", "mine.py", "no file")),
    "a plug-in that is not installed": (
        {"plugins": ["no_such_package"]},
        ("plugins", "no_such_package", "not installed"),
    ),
}
