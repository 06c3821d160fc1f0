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
# # 4. Kappa and readers
#
# What kappa says, how sure it is, and how to compare a model with radiologists who disagree with each other. The reads
# are **simulated** (`predictions/simulated`, split `test`: 207 studies, six readers); the first section is arithmetic.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

import mura_ensemble as me
from mura_ensemble.stats import cohen_kappa, kappa_interval

above = [folder for folder in (Path.cwd(), *Path.cwd().parents) if (folder / "predictions").is_dir()]
repository = above[0] if above else Path.cwd()
simulated = repository / "predictions" / "simulated"

# %% [markdown]
# ## Kappa depends on the share of abnormal studies
#
# The same reader, sensitivity 0.90 and specificity 0.90, on 200 studies. Only the mix of studies changes.

# %%
share = np.array([0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95])
positives, negatives = 200 * share, 200 * (1 - share)
tables = np.array([[0.9 * negatives, 0.1 * negatives], [0.1 * positives, 0.9 * positives]]).transpose(2, 0, 1)
pd.DataFrame({"kappa": cohen_kappa(tables)}, index=pd.Index(share, name="share abnormal")).round(3).T

# %% [markdown]
# So kappas of different test sets cannot be compared. Within one set they can.
#
# ## Few studies, and the perfect reader
#
# A table is `[[TN, FP], [FN, TP]]`. A perfect reader of 30 studies has kappa 1, and the textbook interval is 1 to 1:
# certainty from thirty studies. Ours is not.

# %%
for table in ([[15, 0], [0, 15]], [[13, 2], [2, 13]], [[90, 10], [10, 90]]):
    found = kappa_interval(table)
    print(f"n = {found.n:>3}: kappa {found.estimate:.3f} ({found.low:.3f} to {found.high:.3f}), {found.kind}")

# %% [markdown]
# ## Readers, models and one panel
#
# Three readers make the gold standard by majority; the other three are compared with the models. `assemble_raters`
# puts everybody's calls into one table, `compare_assembled` does the statistics of the report.

# %%
raters = me.assemble_raters(
    simulated,
    "test",
    readers=simulated / "readers_test.csv",
    panel=["reader_1", "reader_2", "reader_3"],
    ensembles=sorted((simulated / "ensembles").glob("*.json")),
)
comparison = me.compare_assembled(raters, title="Simulated reader study")
board = comparison.leaderboard
print(me.kappa_lines(board, data="simulated"))
board.loc[:, "kind":"p_adjusted"].drop(columns=["place", "rank", "interval"]).round(3)

# %%
figures = me.draw_figures(comparison)
figures["forest"]

# %% [markdown]
# What to see: the first line of the table is an ensemble, yet its rank may be anything from first to near the last.
# `difference` is rater minus the best reader, on the same studies; where its interval holds 0, neither is shown better.
# "Best reader" is a maximum of three, so the bar is a flattered one.
#
# ## Equal kappa, opposite mistakes
#
# Each point is a rater; along a line kappa is the same.

# %%
figures["sensitivity_specificity"]

# %% [markdown]
# ## What if another panel had been chosen?
#
# Six readers make twenty panels of three. `study_readers` scores everybody against each of them. A reader who sits in
# the panel agrees with a majority he is part of.

# %%
test = me.read_study_probabilities(simulated, "test")
reads = me.read_readers(simulated / "readers_test.csv")
models = pd.DataFrame(
    {
        path.stem: me.load_ensemble(path).apply(test)["call"]
        for path in sorted((simulated / "ensembles").glob("*.json"))
    }
).assign(sim_densenet169=test.calls()["sim_densenet169"])
study = me.study_readers(reads, models, patients=test.studies["patient"], resamples=1000)
study.readers[["kappa", "low", "high", "kappa_in_own_panels", "bias", "bias_low", "bias_high"]].round(3)

# %% [markdown]
# `bias` is what a seat in the panel adds to a reader's own kappa: about 0.10 here, ten times what the leaders differ by.
# That is why members of the panel are left out of a comparison.

# %%
outside = study.panels[~study.panels["inside"]]
order = outside.groupby("rater")["kappa"].mean().sort_values(ascending=False).index
axes = sns.stripplot(
    outside,
    x="kappa",
    y="rater",
    order=order,
    hue=outside["rater"].isin(reads.columns),
    palette={True: "#0067a8", False: "#b94a00"},
    legend=False,
)
axes.set_title("Kappa against every panel of three: readers blue, models orange (simulated)")
plt.show()

# %% [markdown]
# What to see: the same calls move by 0.1 and more with the panel, and no interval of a single-panel study contains that.
#
# ## Do models differ from the readers as a group?
#
# `difference` is the mean over readers and panels of model minus reader; its limits hold for these readers. `population`
# limits hold for readers like them (Obuchowski-Rockette-Hillis): wider, because six readers say little about all.

# %%
for name, row in study.models.iterrows():
    print(
        f"simulated, {name:<24} kappa - readers' kappa {row.difference:+.3f} ({row.diff_low:+.3f} to {row.diff_high:+.3f})"
    )
against = study.models.filter(
    regex="^(kappa|low|high|difference|diff_low|diff_high|population_low|population_high)$"
)
against.round(3)

# %% [markdown]
# ## How far the readers agree with each other
#
# No model can be shown better than the agreement of those who judge it allows.

# %%
study.agreement.round(3)

# %% [markdown]
# Next: [5. The published leaderboard in context](05_published_leaderboard.py).
