# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 6. Your own models
#
# Two ways: bring probabilities that you have already, or train a backbone here. The first needs no torch. The
# "colleague's file" below is made from **simulated** predictions, the views of the second part are **generated noise**.

# %%
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

import mura_ensemble as me

above = [folder for folder in (Path.cwd(), *Path.cwd().parents) if (folder / "predictions").is_dir()]
repository = above[0] if above else Path.cwd()
simulated = repository / "predictions" / "simulated"
scratch = tempfile.TemporaryDirectory()
work = Path(scratch.name)

# %% [markdown]
# ## A colleague's file
#
# One row per view, columns named as he likes, and logits instead of probabilities.

# %%
views = me.read_predictions(simulated, "test")["sim_convnext_tiny"]
rng = np.random.default_rng(0)
theirs = pd.DataFrame(
    {
        "exam": views["study"],
        "file": views["view"],
        "mrn": views["patient"],
        "part": views["study_type"],
        "out": views["logit"] + rng.normal(0, 0.8, len(views)),
    }
)
theirs.to_csv(work / "theirs.csv", index=False)
theirs.head(3)

# %% [markdown]
# Say which column is which. Logits are recognised and refused unless declared: a sigmoid applied twice, or not at all,
# is the commonest mistake in a file like this.

# %%
columns = {"study": "exam", "view": "file", "patient": "mrn", "study_type": "part", "probability": "out"}
try:
    me.import_predictions(work / "theirs.csv", work / "set", name="colleague", split="test", columns=columns)
except me.InputError as error:
    print(str(error).replace(str(work), "."))

# %% [markdown]
# `role` says what the model had seen of these studies. `held-out` is a promise that only its maker can give.

# %%
imported = me.import_predictions(
    work / "theirs.csv",
    work / "set",
    name="colleague",
    split="test",
    columns=columns,
    logits=True,
    role="held-out",
)
print(f"{imported.studies} studies, {imported.views} views, {imported.failed} without a value")

# %% [markdown]
# ## Compared with everybody else
#
# From here on an imported model is a backbone like any other. To put it beside ours, give their names one folder; here
# the pooled tables are joined by hand instead.

# %%
colleague = me.read_study_probabilities(work / "set", "test")
ours = me.read_study_probabilities(simulated, "test")
together = ours.probabilities[["sim_densenet169", "sim_resnet50"]].join(colleague.probabilities)
together["mean of the three"] = together.mean(axis=1)
readers = me.read_readers(simulated / "readers_test.csv")
studies = ours.studies.assign(gold=me.gold_by_majority(readers, ["reader_1", "reader_2", "reader_3"]))
calls = (together > 0.5).astype(float).join(readers[["reader_4", "reader_5", "reader_6"]])
kappas = me.kappa_table(calls, studies)
print(me.kappa_lines(kappas, data="simulated"))

# %% [markdown]
# Is the mean better than the colleague's model alone? Same studies, so take the paired difference:

# %%
kinds = {
    name: "reader" if name.startswith("reader") else "ensemble" if name.startswith("mean") else "backbone"
    for name in calls
}
comparison = me.compare_raters(
    calls, studies, kinds, title="A colleague's model", simulated=True, resamples=2000
)
row = comparison.differences.loc[("mean of the three", "colleague")]
print(
    f"simulated: difference of kappa {row.difference:+.3f} ({row.low:+.3f} to {row.high:+.3f}), p = {row.p:.3f}"
)

# %% [markdown]
# `me.write_report(comparison, folder)` writes the whole report; on the command line it is `mura-ensemble report`.
#
# ## Train a backbone here
#
# Any architecture of timm, with patient-grouped folds and out-of-fold probabilities. This cell is a smoke test that
# takes seconds on a CPU: 24 generated views of noise, in which abnormal ones are brighter. With your copy of MURA the
# same lines train a DenseNet (docs/1-quick-start.md). Without torch it says so and the notebook goes on.

# %%
if find_spec("torch") is None or find_spec("timm") is None:
    print(me.MissingExtraError("torch, or timm,", "backbones"))
else:
    from PIL import Image

    rows = [(f"s{i}", f"v{i}.png", f"p{i}", "wrist", "train", f"v{i}.png") for i in range(24)]
    manifest = pd.DataFrame(rows, columns=["study", "view", "patient", "study_type", "split", "path"])
    manifest.to_csv(work / "manifest.csv", index=False)
    manifest[["study"]].assign(gold=[i % 2 for i in range(24)]).to_csv(work / "labels.csv", index=False)
    for i, name in enumerate(manifest["path"]):
        Image.fromarray(rng.integers(60 + 90 * (i % 2), 150 + 90 * (i % 2), (32, 32), dtype=np.uint8)).save(
            work / name
        )

    from mura_ensemble.backbones.prediction.predict import predict_backbone
    from mura_ensemble.backbones.training.train import train_backbone

    train_backbone(
        work / "manifest.csv",
        work / "labels.csv",
        work / "run",
        architecture="test_resnet",
        size=32,
        folds=2,
        epochs=8,
        batch_size=8,
        learning_rate=1e-2,
        device="cpu",
    )
    predict_backbone(work / "run", work / "manifest.csv", work / "trained", split="train", device="cpu")
    out_of_fold = me.read_study_probabilities(work / "trained", "train")
    gold = me.read_labels(work / "labels.csv")
    kappas = me.kappa_table(out_of_fold.calls(), out_of_fold.studies.assign(gold=gold))
    print(me.kappa_lines(kappas, data="generated noise, out-of-fold"))

# %%
scratch.cleanup()
