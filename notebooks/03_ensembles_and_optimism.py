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
# # 3. Ensembles and optimism
#
# An ensemble is pooling x combination x operating point. Whatever is fitted or chosen on some studies looks better on
# them than it is: that is optimism. This notebook measures it. The first part is **simulated**, the last one real.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

import mura_ensemble as me
from mura_ensemble.stats.probabilities.diversity import diversity

above = [folder for folder in (Path.cwd(), *Path.cwd().parents) if (folder / "predictions").is_dir()]
repository = above[0] if above else Path.cwd()
simulated = repository / "predictions" / "simulated"
pneumonia = repository / "predictions" / "pneumoniamnist"
valid = me.read_study_probabilities(simulated, "valid")
gold = me.read_labels(simulated / "labels_valid.csv")

# %% [markdown]
# ## Apparent and nested
#
# * **apparent**: kappa of the ensemble on the studies it was fitted on;
# * **nested**: the studies are divided into five parts by patient. Everything (weights, penalty, threshold, choice) is
#   decided on four parts and the fifth is called; so is each part in turn.
#
# Their difference is what a paper without nesting would have claimed too much.

# %%
recipes = {
    "mean": dict(strategy="mean"),
    "weighted": dict(strategy="weighted"),
    "stack": dict(strategy="stack"),
    "stack, threshold per type": dict(strategy="stack", operating_point="per-study-type"),
    "weights for kappa": dict(strategy="weighted-kappa", operating_point="kappa"),
    "greedy, bagged": dict(strategy="greedy-bagged"),
    "hierarchical stack": dict(strategy="hierarchical"),
    "stack of learned pooling": dict(strategy="stack", pooling="learned"),
}
ensembles = {name: me.fit_ensemble(valid, gold, name=name, **recipe) for name, recipe in recipes.items()}
worth = me.ensemble_table(ensembles.values())
print(me.kappa_lines(worth, column="nested", data="simulated"))
worth.round(3)

# %%
figure, axes = plt.subplots(figsize=(7.5, 3.4))
axes.hlines(
    range(len(worth)),
    worth["low"],
    worth["high"],
    color="#d5dae0",
    linewidth=5,
    label="95 % interval, nested",
)
axes.hlines(range(len(worth)), worth["nested"], worth["apparent"], color="#8a5a00", linewidth=2)
axes.scatter(worth["nested"], range(len(worth)), color="#b94a00", label="nested", zorder=3)
axes.scatter(
    worth["apparent"], range(len(worth)), facecolors="white", edgecolors="#8a5a00", label="apparent", zorder=3
)
axes.set(
    yticks=range(len(worth)),
    yticklabels=worth.index,
    xlabel="kappa",
    title="What the fit claims and what it is worth (simulated)",
)
axes.invert_yaxis()
axes.legend(loc="lower left")
plt.show()

# %% [markdown]
# What to see: `mean` fits nothing, so nothing is lost. The more freedom, the longer the brown line, worst where the
# weights are chosen for kappa itself. A long line is no reproach; reporting its right end is.
#
# ## What each backbone gets
#
# Weights have intervals too (patients resampled). A coefficient whose interval holds 0 is no discovery, and one below 0
# no verdict on its backbone: `sim_densenet169` and its second seed are nearly one network, and only their sum means much.

# %%
stack = ensembles["stack"]
pd.DataFrame(
    {
        name: {"coefficient": w.estimate, "low": w.low, "high": w.high}
        for name, w in zip(stack.backbones, stack.weights, strict=True)
    }
).T.round(3)

# %% [markdown]
# ## Why an ensemble helps: other mistakes
#
# The share of studies that two backbones call wrongly *together*; on the diagonal, wrongly at all.
# `sim_densenet169_seed2` is meant to be nearly a copy of `sim_densenet169`: of the 22 % that each gets wrong they share
# 20 %, so the second adds little. All other pairs share 11 to 14 %, and there an ensemble has something to mend.

# %%
calls = valid.calls()
found = diversity(gold.loc[calls.index], calls)
pd.DataFrame(found.double_fault, calls.columns, calls.columns).round(3)

# %% [markdown]
# ## An ensemble remembers what it was fitted on
#
# It refuses to be scored there, and on other studies of the same patients.

# %%
try:
    stack.apply(valid)
except me.InputError as error:
    print(error)

# %% [markdown]
# On the simulated test split, which no ensemble has seen; the gold standard is the majority of three readers:

# %%
test = me.read_study_probabilities(simulated, "test")
readers = me.read_readers(simulated / "readers_test.csv")
test_studies = test.studies.assign(gold=me.gold_by_majority(readers, ["reader_1", "reader_2", "reader_3"]))
test_calls = pd.DataFrame({name: ensemble.apply(test)["call"] for name, ensemble in ensembles.items()})
kappas = me.kappa_table(test_calls, test_studies)
print(me.kappa_lines(kappas, data="simulated, test"))

# %% [markdown]
# The order has changed. With 207 studies every interval is some 0.2 wide: no such table can crown a recipe.
#
# ## Real radiographs: when the share of abnormal studies moves
#
# Two ensembles of five networks trained on PneumoniaMNIST were fitted where 90 % of the studies are abnormal. On the
# test split 62 % are. The stack learned the 90 %; the plain mean learned nothing, and keeps more.

# %%
chest = me.read_study_probabilities(pneumonia, "test")
fitted = [
    me.load_ensemble(pneumonia / "ensembles" / f"{name}.json") for name in ("ensemble_mean", "ensemble_stack")
]
chest_studies = chest.studies.assign(gold=me.read_labels(pneumonia / "labels.csv"))
kappas = me.kappa_table(pd.DataFrame({e.name: e.apply(chest)["call"] for e in fitted}), chest_studies)
print(me.kappa_lines(me.ensemble_table(fitted), column="nested", data="real, where fitted (90 % abnormal)"))
print(me.kappa_lines(kappas, data="real, test (62 % abnormal)"))
print(*fitted[1].notes, sep="\n")

# %% [markdown]
# Nested kappa answers: what is this ensemble worth on *more studies of this kind*? No resampling of old studies can
# answer for another kind.
#
# Next: [4. Kappa and readers](04_kappa_and_readers.py).
