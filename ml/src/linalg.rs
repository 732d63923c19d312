//! The one linear system that the algorithms solve: symmetric, positive semi-definite.

use nalgebra::{Cholesky, DMatrix, DVector, SymmetricEigen};
use quern_common::{Error, Result};

/// Below this pivot of the unit-diagonal matrix its rank is looked at.
const SAFE_PIVOT: f64 = 1e-10;

/// A solution of [`solve`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Solution {
    /// The unknowns.
    pub(crate) values: Vec<f64>,
    /// The rank of the matrix.
    pub(crate) rank: usize,
}

/// A symmetric matrix from its packed upper triangle (row by row).
pub(crate) fn symmetric(width: usize, upper: &[f64]) -> DMatrix<f64> {
    let mut matrix = DMatrix::zeros(width, width);
    let mut values = upper.iter();
    for i in 0..width {
        for j in i..width {
            let value = values.next().copied().unwrap_or_default();
            matrix[(i, j)] = value;
            matrix[(j, i)] = value;
        }
    }
    matrix
}

/// The length of the packed upper triangle.
pub(crate) const fn packed_len(width: usize) -> usize {
    width * (width + 1) / 2
}

/// Solves `matrix * x = rhs`. Where the matrix has not full rank, returns among the
/// least-squares solutions the one with the smallest `Σ (norm_weights[i] * x[i])²`.
pub(crate) fn solve(matrix: &DMatrix<f64>, rhs: &[f64], norm_weights: &[f64]) -> Result<Solution> {
    if rhs.is_empty() {
        return Ok(Solution { values: Vec::new(), rank: 0 });
    }
    // With a unit diagonal the answer does not depend on the units of the columns.
    let scale = matrix.diagonal().map(|d| if d > 0.0 { 1.0 / d.sqrt() } else { 1.0 });
    let mut unit = matrix.clone();
    for (j, mut column) in unit.column_iter_mut().enumerate() {
        column.component_mul_assign(&scale);
        column *= scale[j];
    }
    let unit_rhs = DVector::from_column_slice(rhs).component_mul(&scale);
    if let Some(cholesky) = Cholesky::new(unit.clone())
        && cholesky.l_dirty().diagonal().iter().all(|pivot| pivot * pivot > SAFE_PIVOT)
    {
        let values = cholesky.solve(&unit_rhs).component_mul(&scale);
        return finite(Solution { values: values.as_slice().to_vec(), rank: rhs.len() });
    }
    solve_deficient(unit, &unit_rhs, &scale, norm_weights)
}

/// [`solve`] by eigenvalues, for a unit-diagonal matrix that is (nearly) singular.
fn solve_deficient(
    unit: DMatrix<f64>,
    rhs: &DVector<f64>,
    scale: &DVector<f64>,
    norm_weights: &[f64],
) -> Result<Solution> {
    let width = rhs.len();
    let eigen =
        SymmetricEigen::try_new(unit, f64::EPSILON, 100 * width + 1_000).ok_or_else(|| {
            Error::internal("the eigenvalues of the normal equations do not converge")
        })?;
    let largest = eigen.eigenvalues.iter().fold(0.0_f64, |max, value| max.max(*value));
    let threshold = largest * 8.0 * f64::EPSILON * width.max(16) as f64;
    let mut particular = DVector::zeros(width);
    let mut null_space = Vec::new();
    for (value, vector) in eigen.eigenvalues.iter().zip(eigen.eigenvectors.column_iter()) {
        if *value > threshold {
            particular.axpy(vector.dot(rhs) / value, &vector, 1.0);
        } else {
            null_space.push(vector.component_mul(scale));
        }
    }
    let mut values = particular.component_mul(scale);
    let rank = width - null_space.len();
    if !null_space.is_empty() {
        let basis = DMatrix::from_columns(&null_space);
        values += &basis * shortest_shift(&basis, &values, norm_weights)?;
    }
    finite(Solution { values: values.as_slice().to_vec(), rank })
}

/// The combination `a` of null-space vectors that minimises `|weights ∘ (values + basis a)|`.
fn shortest_shift(
    basis: &DMatrix<f64>,
    values: &DVector<f64>,
    norm_weights: &[f64],
) -> Result<DVector<f64>> {
    let weights = DVector::from_column_slice(norm_weights);
    let mut weighted = basis.clone();
    for mut column in weighted.column_iter_mut() {
        column.component_mul_assign(&weights);
    }
    let target = -values.component_mul(&weights);
    let qr = weighted.qr();
    qr.r()
        .solve_upper_triangular(&(qr.q().transpose() * target))
        .ok_or_else(|| Error::internal("the null space of the normal equations is singular"))
}

fn finite(solution: Solution) -> Result<Solution> {
    if solution.values.iter().all(|value| value.is_finite()) {
        Ok(solution)
    } else {
        Err(Error::internal("the normal equations have no finite solution"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_rank_system_is_solved_whatever_its_units() {
        let matrix = symmetric(2, &[4e12, 2.0, 3e-12]);
        let solution = solve(&matrix, &[6e6, 4e-6], &[1.0, 1.0]).unwrap();
        assert_eq!(solution.rank, 2);
        let residual =
            &matrix * DVector::from_vec(solution.values) - DVector::from_vec(vec![6e6, 4e-6]);
        assert!((residual[0] / 6e6).abs() < 1e-12 && (residual[1] / 4e-6).abs() < 1e-12);
    }

    #[test]
    fn a_singular_system_has_the_shortest_solution() {
        // x + y = 2 twice; the third column is constant and takes no part.
        let matrix = symmetric(3, &[1.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
        let solution = solve(&matrix, &[2.0, 2.0, 0.0], &[1.0, 1.0, 1.0]).unwrap();
        assert_eq!(solution.rank, 1);
        for (value, expected) in solution.values.iter().zip([1.0, 1.0, 0.0]) {
            assert!((value - expected).abs() < 1e-12, "{solution:?}");
        }
        // y counts double, so x carries four times as much.
        let weighted = solve(&matrix, &[2.0, 2.0, 0.0], &[1.0, 2.0, 1.0]).unwrap();
        for (value, expected) in weighted.values.iter().zip([1.6, 0.4, 0.0]) {
            assert!((value - expected).abs() < 1e-12, "{weighted:?}");
        }
    }
}
