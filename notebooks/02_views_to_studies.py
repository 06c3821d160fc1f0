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
# # 2. From views to studies
#
# A fracture may show on one view of three. How should the views of a study become one probability? Everything here is
# **simulated** (`predictions/simulated`, split `valid`), so it shows how to look, not what holds for your networks.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

import mura_ensemble as me
from mura_ensemble.ensembles.pooling.rules import FIXED

above = [folder for folder in (Path.cwd(), *Path.cwd().parents) if (folder / "predictions").is_dir()]
repository = above[0] if above else Path.cwd()
simulated = repository / "predictions" / "simulated"
views = me.read_predictions(simulated, "valid")
gold = me.read_labels(simulated / "labels_valid.csv")

# %% [markdown]
# ## The fixed rules
#
# `mean` is MURA's. `max` and `noisy-or` believe the most suspicious view. `top-2` averages the two most suspicious.

# %%
rules = {
    rule: me.pool_studies({"net": views["sim_densenet169"]}, pooling=rule).probabilities["net"]
    for rule in FIXED
}
table = pd.DataFrame(rules)
table["views"] = views["sim_densenet169"].groupby("study").size()
table.loc[table["views"] == 3].head().round(3)

# %% [markdown]
# ## A trap: more views, more suspicion
#
# With `max` and `noisy-or` the probability rises with the number of views, whatever they show. At a fixed cut of 0.5,
# normal studies with four views are called abnormal far more often than those with one.

# %%
normal = table[gold.loc[table.index] == 0]
alarms = (normal[list(FIXED)] > 0.5).groupby(normal["views"]).mean()
alarms.plot(
    marker="o", figsize=(7, 3.2), ylabel="share of normal studies called", xlabel="views of the study"
)
plt.title("False alarms at a cut of 0.5 by number of views (simulated)")
plt.show()
alarms.assign(normal_studies=normal.groupby("views").size()).round(3)

# %% [markdown]
# So `fit_ensemble` refuses such a rule at a fixed cut, and says what to do instead:

# %%
valid = me.read_study_probabilities(simulated, "valid")
try:
    me.fit_ensemble(valid, gold, strategy="mean", pooling="max")
except me.InputError as error:
    print(error)

# %% [markdown]
# ## Which rule is worth most?
#
# Each rule gets its own operating point (the threshold of greatest kappa), chosen without the fold on which it is
# measured. `learned` is a logistic regression on mean, maximum, minimum and number of the views; it is fitted, so its
# **apparent** kappa, on the studies of the fit, flatters. Read the **nested** column.

# %%
fits = [
    me.fit_ensemble(valid, gold, name=rule, strategy="mean", pooling=rule, operating_point="kappa")
    for rule in [*FIXED, "learned", "learned-per-study-type"]
]
worth = me.ensemble_table(fits)
print(me.kappa_lines(worth, column="nested", data="simulated"))
worth.round(3)

# %%
figure, axes = plt.subplots(figsize=(7, 3.4))
axes.errorbar(
    worth["nested"],
    range(len(worth)),
    xerr=[worth["nested"] - worth["low"], worth["high"] - worth["nested"]],
    fmt="o",
    color="#b94a00",
    label="nested, 95 %",
)
axes.scatter(worth["apparent"], range(len(worth)), marker="|", s=150, color="#636c76", label="apparent")
axes.set(
    yticks=range(len(worth)),
    yticklabels=worth.index,
    xlabel="kappa",
    title="Pooling rules, mean of six backbones (simulated)",
)
axes.invert_yaxis()
axes.legend()
plt.show()

# %% [markdown]
# What to see: rules that believe the most suspicious views are ahead here, because the simulation puts a finding on some
# views only. Fixed rules have a gap too, for their threshold was chosen. `learned-per-study-type` has seven times the
# coefficients of `learned`, the larger gap and the smaller nested kappa. The intervals belong to the same studies, so
# their overlap does not say which rule is *better*.
#
# ## A rule per study type
#
# If you know beforehand that a finding of the hand shows on some views only, say so: `mean,hand=top-2`. Under another
# rule the probabilities of hands are higher than those of other study types, so one threshold for all does harm; give
# each study type its own. Choosing the rule after looking at these kappas is fitting too; let `pooling="auto"` choose
# and its nested kappa will count it.

# %%
hands = [
    me.fit_ensemble(
        valid,
        gold,
        name=f"threshold {point}",
        strategy="mean",
        pooling="mean,hand=top-2",
        operating_point=point,
    )
    for point in ("kappa", "per-study-type")
]
print(me.kappa_lines(me.ensemble_table(hands), column="nested", data="simulated, top-2 for hands"))

# %% [markdown]
# ## How far do the views of a study agree?
#
# Where they agree, the rule hardly matters.

# %%
spread = views["sim_densenet169"].groupby("study")["probability"].agg(["min", "max", "size"])
spread = spread[spread["size"] > 1].assign(gold=gold.map({0: "normal", 1: "abnormal"}))
sns.displot(
    spread.assign(range=spread["max"] - spread["min"]),
    x="range",
    hue="gold",
    hue_order=["normal", "abnormal"],
    multiple="stack",
    bins=20,
    height=3,
    aspect=2,
    palette=["#636c76", "#b94a00"],
)
plt.xlabel("highest minus lowest probability of the views of a study (simulated)")
plt.show()

# %% [markdown]
# Next: [3. Ensembles and optimism](03_ensembles_and_optimism.py).
