"""Groups of alike vectors: how many there are, which row belongs to which, and which rows belong to none.

k-means on centred unit rows, the number of groups by the silhouette (Rousseeuw 1987). A row is unclear if its
simplified silhouette (Hruschka et al. 2004: distances to centres instead of to all members) is small. Knows nothing
about messages; `docs/decisions/topics.md` tells what else was tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Codes = NDArray[np.intp]

UNCLEAR = 0.15  # simplified silhouette below which a row belongs to no group
SMALLEST = 5  # clear rows of a group; smaller ones are given up
SAME = 0.6  # cosine from which a new group is taken for a former one
MOST_FITTED = 20_000  # rows that groups are made of, a seeded sample; the others are only assigned
MOST_JUDGED = 2_000  # rows that the silhouette is taken of: its time grows with their square
REDUCED = 64  # principal components that k-means works in: as good as all 768 columns, and ten times as fast
LEAST = 0.05  # silhouette below which there are no groups: that of noise is 0.02, of support messages 0.14 and more
FORMER_LOSS = 0.95  # share of the best silhouette from which the former groups are gone on from
GROWTH = 1.2  # between two numbers of groups that are tried


@dataclass(frozen=True)
class Space:
    """Where rows are compared: about their `mean` (w,). The first `block` columns are always there.

    The rest may be all zero in a row, which then is compared by the first block alone.
    """

    mean: Matrix
    block: int

    @classmethod
    def of(cls, rows: Matrix, block: int) -> Space:
        """The space of rows (n, w) whose columns are all there."""
        return cls(rows.mean(axis=0), block)

    def placed(self, rows: Matrix) -> Matrix:
        """Unit rows about the mean."""
        return unit(rows - self.mean)

    def likeness(self, rows: Matrix, centres: Matrix) -> Matrix:
        """Cosines (n, k) of rows and centres about the mean."""
        out = self.placed(rows) @ self.placed(centres).T
        bare = ~rows[:, self.block :].any(axis=1) if rows.shape[1] > self.block else np.zeros(len(rows), bool)
        if bare.any():
            first = Space(self.mean[: self.block], self.block)
            out[bare] = first.likeness(rows[bare, : self.block], centres[:, : self.block])
        return out


def unit(rows: Matrix) -> Matrix:
    """Rows at length 1; those of length 0 stay."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def grouped(rows: Matrix, space: Space, most: int, seed: int, former: Matrix | None = None) -> Matrix:
    """Centres (k, w) of at most `most` groups, as means of their clear rows; k is 0 where there is no structure.

    `former` centres of the same width are gone on from where they fit about as well as any others.
    """
    chosen = np.random.default_rng(seed).permutation(len(rows))[:MOST_FITTED]
    rows = rows[np.sort(chosen)]
    codes = _codes(space.placed(rows), most, seed, None if former is None else space.likeness(rows, former))
    centres = means(rows, codes)
    for _ in range(2):  # what was given up may leave rows that another group takes
        codes = assigned(space.likeness(rows, centres))
        counts = np.bincount(codes[codes >= 0], minlength=len(centres))
        kept = np.flatnonzero(counts >= SMALLEST)
        if len(kept) < 2:
            return centres[:0]
        centres = np.vstack([rows[codes == k].mean(axis=0) for k in kept])
    return centres


def means(rows: Matrix, codes: Codes) -> Matrix:
    """The mean of each group's rows (k, w)."""
    return np.vstack([rows[codes == k].mean(axis=0) for k in np.unique(codes[codes >= 0])])


def assigned(likeness: Matrix) -> Codes:
    """The group of each row (n,); -1 where it is unclear."""
    return np.where(clearness(likeness) >= UNCLEAR, likeness.argmax(axis=1), -1)


def clearness(likeness: Matrix) -> Matrix:
    """Simplified silhouette (n,): how much nearer the best centre is than the second, 0 to 1."""
    if likeness.shape[1] < 2:
        return np.zeros(len(likeness), np.float32)
    best, second = np.partition(1 - likeness, 1, axis=1)[:, :2].T
    return np.asarray(1 - best / np.maximum(second, 1e-9), dtype=np.float32)


def matched(likeness: Matrix) -> dict[int, int]:
    """Rows paired with columns so that the sum of likeness is highest (Kuhn 1955), those too unlike left out."""
    from scipy.optimize import linear_sum_assignment

    pairs = zip(*linear_sum_assignment(likeness, maximize=True), strict=True)
    return {int(row): int(column) for row, column in pairs if likeness[row, column] >= SAME}


def _codes(rows: Matrix, most: int, seed: int, former: Matrix | None) -> Codes:
    """Codes (n,) of the number of groups with the highest silhouette, or of what the former groups have become.

    `former`: likeness (n, k) of the rows and the former centres.
    """
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA

    if min(rows.shape) > REDUCED:
        rows = np.asarray(PCA(REDUCED, random_state=seed).fit_transform(rows), dtype=np.float32)
    quality = _Quality.of(rows, seed)
    made = [KMeans(k, n_init=3, random_state=seed).fit(rows).labels_ for k in _numbers(most, len(rows))]
    best = max(made, key=quality)
    if quality(best) < LEAST:
        return np.zeros(len(rows), dtype=np.intp)
    if former is not None and 1 < former.shape[1] <= (room := most + most // 5):
        grown = _grown(rows, former, best, room, quality)
        if quality(grown) >= FORMER_LOSS * quality(best):
            best = grown
    return np.asarray(np.unique(best, return_inverse=True)[1], dtype=np.intp)


def _grown(rows: Matrix, former: Matrix, fresh: Codes, most: int, quality: _Quality) -> Codes:
    """The former groups on today's rows, and as many fresh ones, the farthest first, as are for the better.

    So what was there keeps its place, and what is new gets one.
    """
    from sklearn.cluster import KMeans

    start = means(rows, former.argmax(axis=1))
    strangers = [former[fresh == k].max(axis=1).mean() for k in np.unique(fresh)]
    extra = means(rows, fresh)[np.argsort(strangers)]
    tried = range(min(len(extra), max(0, most - len(start))) + 1)
    made = (np.vstack([start, extra[:more]]) for more in tried)
    return max((KMeans(len(s), init=s, n_init=1).fit(rows).labels_ for s in made), key=quality)


@dataclass(frozen=True)
class _Quality:
    """Mean silhouette of a seeded sample of rows, whose distances are worked out once."""

    chosen: NDArray[np.intp]
    distances: NDArray[np.float64]

    @classmethod
    def of(cls, rows: Matrix, seed: int) -> _Quality:
        from sklearn.metrics import pairwise_distances

        chosen = np.sort(np.random.default_rng(seed).permutation(len(rows))[:MOST_JUDGED])
        return cls(chosen, np.maximum(pairwise_distances(rows[chosen], metric="cosine"), 0))

    def __call__(self, codes: Codes) -> float:
        from sklearn.metrics import silhouette_score

        mine = codes[self.chosen]
        if not 1 < len(np.unique(mine)) < len(mine):
            return -1.0
        np.fill_diagonal(self.distances, 0)
        return float(silhouette_score(self.distances, mine, metric="precomputed"))


def _numbers(most: int, rows: int) -> Iterator[int]:
    """Numbers of groups to try: 2, 3, 4, 5, 6, 8, ... as far as a group has twice its smallest size on average."""
    k = 2
    while k <= max(2, min(most, rows // (2 * SMALLEST))):
        yield k
        k = max(k + 1, round(k * GROWTH))
