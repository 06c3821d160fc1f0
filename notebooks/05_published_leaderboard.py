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
# # 5. The published leaderboard in context
#
# MURA's public leaderboard lists 84 entries and three radiologists with one kappa each. What can be concluded from it?
# Everything here is **inferred from published results** (Stanford ML Group's MURA competition page and arXiv
# 1712.06957): no view, label or prediction of the hidden test set is used or contained.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from mura_ensemble.published import mura_honest_board
from mura_ensemble.stats import detectable_difference, kappa_interval

honest = mura_honest_board()
print(f"{honest.label}; {honest.n} studies, {honest.positives} abnormal")

# %% [markdown]
# ## The tables behind the kappas
#
# The page prints kappa ± 1.96 v, where v is a variance in the place of a standard error. So the limits are some twenty
# times too narrow. But kappa and v at full precision have one solution in whole numbers, and every entry's 2x2 table
# follows. The honest interval is computed from it.

# %%
entries = honest.entries
first = entries.iloc[0]
print(f"published: kappa {first.kappa:.3f} ({first.published_low:.3f} to {first.published_high:.3f})")
print(f"inferred:  kappa {first.kappa:.3f} ({first.low:.3f} to {first.high:.3f}), n = {first.n}")
entries[
    ["published_rank", "model", "kappa", "low", "high", "fn", "fp", "rank_low", "rank_high", "p_best"]
].head(8).round(3)

# %%
top = entries[entries["comparable"]].head(30)
readers = honest.readers.groupby("reader").first()
figure, axes = plt.subplots(figsize=(8, 6))
axes.axvspan(readers["kappa"].min(), readers["kappa"].max(), color="#d3e6f3", label="the three radiologists")
axes.hlines(range(len(top)), top["low"], top["high"], color="#b0b7bf", label="95 % interval, inferred")
axes.hlines(
    range(len(top)),
    top["published_low"],
    top["published_high"],
    color="#b94a00",
    linewidth=4,
    label="limits as published",
)
axes.scatter(top["kappa"], range(len(top)), color="#1b2026", s=12, zorder=3)
axes.set(
    yticks=range(len(top)),
    yticklabels=top["published_rank"],
    ylabel="published rank",
    xlabel="kappa",
    title="The first 30 comparable entries (inferred from published results)",
)
axes.invert_yaxis()
axes.legend(loc="lower left")
plt.show()

# %% [markdown]
# What to see: thirty entries in one band of overlapping bars, and the three radiologists in the middle of it.
#
# ## What the board says, in words
#
# Sentences made from the numbers, the verdict first.

# %%
for finding in list(honest.findings)[:6]:
    print(f"- {finding}\n")

# %% [markdown]
# ## Is any entry better than the best radiologist?
#
# Nobody published which studies two entries get wrong together. So each comparison is made for every overlap of errors
# that the tables allow: `p_low` is McNemar's exact p at the kindest overlap, before any correction for 75 entries.

# %%
against = honest.comparisons.xs("Radiologist 3", level="against")
against.join(entries["model"])[["model", "difference", "p_low", "p_high", "verdict"]].head(9).round(3)

# %% [markdown]
# ## The winner's curse
#
# The first of 75 is first partly by luck. Shrinkage gives back what luck probably added; it depends on how strongly the
# entries' errors go together, which is unpublished, so three values are shown.

# %%
honest.winners.round(3)

# %% [markdown]
# ## How large would a test set have to be?
#
# `discordance` is the share of studies on which exactly one of two raters is right. 207 studies find differences of 0.12
# and more if that share is 10 %; empty means that not even all of it on one side would be found. To tell the first entry
# from the second takes 1,600 studies in the kindest case, 17,000 at a share of 5 %.

# %%
sizes = np.array([100, 207, 500, 1199, 3000, 10_000])
pd.DataFrame(
    {
        f"discordance {share:g}": [detectable_difference(n, share, prevalence=0.444) for n in sizes]
        for share in (0.05, 0.10, 0.20)
    },
    index=pd.Index(sizes, name="studies"),
).astype(float).round(3)

# %% [markdown]
# ## Your own 207 studies
#
# A kappa of 0.80 on the same test set, 92 abnormal studies, 20 wrong calls:

# %%
found = kappa_interval([[105, 10], [10, 82]])
best, worst = (1 + (entries["kappa"] > limit).sum() for limit in (found.high, found.low))
print(f"kappa {found.estimate:.3f} ({found.low:.3f} to {found.high:.3f}), n = {found.n}")
print(f"its place on the board: from {best} to {worst} of {len(entries)}")

# %% [markdown]
# The whole reading, with methods and every table: `mura-ensemble leaderboard --out reports/mura-leaderboard`.
#
# Next: [6. Your own models](06_your_own_models.py).
