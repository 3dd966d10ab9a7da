"""Expectation, responsibilities and moments of blocks of rows in JAX: the arithmetic of a GPU.

It is that of `xsift.mixture.kernels`, cut for a GPU: few large matrix products on thousands of rows
at a time, and nothing that grows with the number of rows.

    Y = [Z 1] [W^T; -W mean]           one product gives all components' whitened deviations
    r = softmax(log_norm - |Y|^2 / 2)
    Q = (r Y)^T [Z 1]                  one product gives all sums over the rows

With a component's Cholesky factor L = W^-1, its deviation from the mean is x - mean = L y. So the
moments about its current mean are

    sum r (x - mean) = L sum r y
    sum r (x - mean) (x - mean)^T = L (sum r y z^T - (sum r y) mean^T)

Only one factor is taken from another origin than the mean, so that a narrow component far from the
origin loses no more digits than its rows have.

Rows stand in tiles, whose rows lack the same features. For these, W has zeros and z is 0. Arrays
are of shapes (steps, tiles, rows of a tile, ...): one step after another is worked on, the tiles of
a step at once.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

__all__ = [
    "Chunk",
    "Marginals",
    "Model",
    "Sums",
    "add_moments",
    "densities",
    "labels",
    "marginals",
    "scores",
    "totals",
]


class Model(NamedTuple):
    """A mixture of (x - centre) * inverse_scale, as `xsift.mixture.marginals.Components`."""

    log_weights: Array
    means: Array
    covariances: Array
    centre: Array
    inverse_scale: Array


class Chunk(NamedTuple):
    """Rows in tiles, with the pattern of missing features of each tile.

    Attributes
    ----------
    X : array of shape (steps, tiles, rows, d)
        NaN is missing. A row that only fills a tile has no value.
    weight : array of shape (steps, tiles, rows)
        0 for a row that only fills a tile.
    pattern : array of int, shape (tiles,)
        Which of the `Marginals` is the tile's: the same in all steps.
    """

    X: Array
    weight: Array
    pattern: Array


class Marginals(NamedTuple):
    """The components over the features that each of P patterns has.

    Attributes
    ----------
    whitening : array of shape (P, d + 1, K d)
        [W^T; -W mean], zeros for what is missing.
    lower : array of shape (P, K, d, d)
        L = W^-1, with the unit matrix for what is missing.
    log_norm : array of shape (P, K)
        Logarithm of weight and normalisation.
    completion : array of shape (P, K, d, d)
        Takes a deviation of the observed features to the expectation of all.
    rest : array of shape (P, K, d, d)
        Covariance of the missing features, given the observed ones.
    """

    whitening: Array
    lower: Array
    log_norm: Array
    completion: Array
    rest: Array


class Sums(NamedTuple):
    """As `xsift.mixture.kernels.Moments`."""

    size: Array
    shift: Array
    scatter: Array
    log_likelihood: Array


_Raw = tuple[Array, Array, Array]  # log-likelihood, sizes and products of a scan


@jax.jit
def marginals(model: Model, observed: Array) -> Marginals:
    """Whiten every component's marginal for each pattern.

    Parameters
    ----------
    model : Model
    observed : array of bool, shape (P, d)
        Features that the rows of a pattern have.
    """
    d, has = observed.shape[1], observed.astype(model.means.dtype)
    lacks = 1.0 - has
    unit, pair = jnp.eye(d), has[:, None, :, None] * has[:, None, None, :]
    lower = jnp.linalg.cholesky(model.covariances * pair + unit * lacks[:, None, :, None])
    inverse = jax.scipy.linalg.solve_triangular(
        lower, jnp.broadcast_to(unit, lower.shape), lower=True
    )
    W = inverse * pair
    offset = -jnp.einsum("pkij,kj->pki", W, model.means)
    log_det = jnp.log(jnp.diagonal(lower, axis1=2, axis2=3)).sum(axis=2)
    log_norm = model.log_weights - 0.5 * math.log(2 * math.pi) * has.sum(axis=1)[:, None] - log_det
    V = jnp.einsum("kij,pkmj->pkim", model.covariances, W)
    only_missing = lacks[:, None, :, None]
    completion = unit * has[:, None, :, None] + only_missing * (V @ W)
    rest = model.covariances - V @ V.mT
    whitening = jnp.concatenate([W.transpose(0, 3, 1, 2), offset[:, None]], axis=1)
    return Marginals(
        whitening.reshape(len(has), d + 1, -1),
        lower,
        log_norm,
        completion,
        only_missing * lacks[:, None, None, :] * rest,
    )


@jax.jit
def add_moments(total: Sums, model: Model, all_marginals: Marginals, chunk: Chunk) -> Sums:
    """Add the moments of a chunk to sums."""
    (K, d), tiles = model.means.shape, len(chunk.pattern)
    of = jax.tree.map(lambda each: each[chunk.pattern], all_marginals)

    def step(sums: _Raw, rows: tuple[Array, Array]) -> tuple[_Raw, None]:
        log_likelihood, size, products = sums
        X, weight = rows
        z = _points(X, model)
        y, log_joint = _log_joint(z, of)
        log_density, r = _soften(log_joint)
        r *= weight[..., None]
        weighted = (r[..., None] * y).reshape(*weight.shape, K * d)
        return (
            log_likelihood + (weight * log_density).sum(),
            size + r.sum(axis=1),
            products + jnp.einsum("stk,std->skd", weighted, z),
        ), None

    nothing = jnp.zeros(()), jnp.zeros((tiles, K)), jnp.zeros((tiles, K * d, d + 1))
    (log_likelihood, size, products), _ = lax.scan(step, nothing, (chunk.X, chunk.weight))
    products = products.reshape(tiles, K, d, d + 1)
    whitened = products[..., d]
    about_means = products[..., :d] - whitened[..., None] * model.means[:, None, :]
    shift = jnp.einsum("skij,skj->ski", of.completion @ of.lower, whitened)
    scatter = of.completion @ (of.lower @ about_means) @ of.completion.mT
    scatter = (scatter + size[..., None, None] * of.rest).sum(axis=0)
    return Sums(
        total.size + size.sum(axis=0),
        total.shift + shift.sum(axis=0),
        total.scatter + (scatter + scatter.mT) / 2,
        total.log_likelihood + log_likelihood,
    )


@jax.jit
def scores(model: Model, all_marginals: Marginals, chunk: Chunk) -> tuple[Array, Array]:
    """Return log-density and responsibilities of rows: as `xsift.mixture.scoring.score_rows`."""
    of = jax.tree.map(lambda each: each[chunk.pattern], all_marginals)
    return lax.map(lambda X: _said(X, model, of), chunk.X)  # type: ignore[no-any-return]


@jax.jit
def densities(model: Model, all_marginals: Marginals, chunk: Chunk) -> Array:
    """Return the log-densities of rows."""
    of = jax.tree.map(lambda each: each[chunk.pattern], all_marginals)
    return lax.map(lambda X: _said(X, model, of)[0], chunk.X)  # type: ignore[no-any-return]


@jax.jit
def labels(model: Model, all_marginals: Marginals, chunk: Chunk) -> Array:
    """Return the most probable component of rows; the first on ties."""
    of = jax.tree.map(lambda each: each[chunk.pattern], all_marginals)
    return lax.map(  # type: ignore[no-any-return]
        lambda X: _said(X, model, of)[1].argmax(axis=-1), chunk.X
    )


@jax.jit
def totals(model: Model, all_marginals: Marginals, chunk: Chunk) -> Array:
    """Return log-likelihood, weight, and entropy of the responsibilities of rows."""
    of = jax.tree.map(lambda each: each[chunk.pattern], all_marginals)

    def step(total: Array, rows: tuple[Array, Array]) -> tuple[Array, None]:
        X, weight = rows
        log_density, r = _said(X, model, of)
        entropy = -(weight[..., None] * jax.scipy.special.xlogy(r, r)).sum()
        return total + jnp.stack([(weight * log_density).sum(), weight.sum(), entropy]), None

    return lax.scan(step, jnp.zeros(3), (chunk.X, chunk.weight))[0]


def _points(X: Array, model: Model) -> Array:
    """Return [Z 1] of rows, with the centre for what is missing."""
    Z = jnp.where(jnp.isnan(X), 0.0, (X - model.centre) * model.inverse_scale)
    return jnp.concatenate([Z, jnp.ones((*X.shape[:-1], 1))], axis=-1)


def _log_joint(z: Array, of: Marginals) -> tuple[Array, Array]:
    """Return whitened deviations (tiles, rows, K, d), and log(weight_k N(x | k))."""
    (tiles, rows, _), K = z.shape, of.log_norm.shape[1]
    y = jnp.einsum("std,sdk->stk", z, of.whitening).reshape(tiles, rows, K, -1)
    return y, of.log_norm[:, None, :] - 0.5 * (y * y).sum(axis=-1)


def _soften(log_joint: Array) -> tuple[Array, Array]:
    """Return log-densities and responsibilities; NaN where all densities underflow."""
    largest = log_joint.max(axis=-1, keepdims=True)
    e = jnp.exp(log_joint - largest)
    total = e.sum(axis=-1, keepdims=True)
    return (largest + jnp.log(total))[..., 0], e / total


def _said(X: Array, model: Model, of: Marginals) -> tuple[Array, Array]:
    log_density, r = _soften(_log_joint(_points(X, model), of)[1])
    is_lost = jnp.isnan(r[..., 0])
    weights = jnp.exp(model.log_weights)
    return (
        jnp.where(is_lost, -jnp.inf, log_density),
        jnp.where(is_lost[..., None], weights, r),
    )
