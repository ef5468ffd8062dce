//! Lists of coordinates as GML writes them, and where an implicit geometry is put.

use super::tree::Element;
use crate::intake::Refusal;

/// The dimension that an element states for what is in it.
pub(super) fn dimension(element: Element<'_>) -> Option<usize> {
    let stated = element.attribute("srsDimension").or_else(|| element.attribute("dimension"))?;
    stated.trim().parse().ok().filter(|d| (2..=3).contains(d))
}

/// Goes through a `posList` or `pos` of two or three numbers a vertex; of two the third is zero.
pub(super) fn list(
    text: &str,
    dimension: usize,
    mut each: impl FnMut([f64; 3]) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut at = [0.0; 3];
    let mut filled = 0;
    for word in text.split_ascii_whitespace() {
        at[filled] = number(word)?;
        filled += 1;
        if filled == dimension {
            each(at)?;
            filled = 0;
        }
    }
    if filled == 0 {
        Ok(())
    } else {
        Err(format!("its coordinates are not {dimension} numbers a vertex: `{}`", start(text)))
    }
}

/// Goes through `coordinates` of GML 2: tuples between spaces, numbers between commas, unless it says otherwise.
pub(super) fn coordinates(
    element: Element<'_>,
    dimension: usize,
    each: impl FnMut([f64; 3]) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let sign = |name: &str, usual: char| element.attribute(name).and_then(|s| s.chars().next()).unwrap_or(usual);
    let (decimal, between) = (sign("decimal", '.'), sign("cs", ','));
    let plain: String = element
        .text()
        .chars()
        .map(|c| match c {
            c if c == between || c == sign("ts", ' ') => ' ',
            c if c == decimal => '.',
            c => c,
        })
        .collect();
    list(&plain, dimension, each)
}

fn number(word: &str) -> Result<f64, Refusal> {
    let number: Option<f64> = word.parse().ok();
    number.filter(|n| n.is_finite()).ok_or_else(|| format!("`{}` in its coordinates is no number", start(word)))
}

fn start(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Where an implicit geometry is put: its matrix, row by row, and its reference point.
#[derive(Debug)]
pub(super) struct Placement {
    pub(super) matrix: [f64; 16],
    reference: [f64; 3],
}

impl Placement {
    pub(super) fn of(implicit: Element<'_>) -> Result<Self, Refusal> {
        const IDENTITY: [f64; 16] = [1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1.];
        let matrix = match implicit.child("transformationMatrix") {
            None => IDENTITY,
            Some(element) => {
                let numbers = element.text().split_ascii_whitespace().map(number).collect::<Result<Vec<_>, _>>()?;
                numbers.try_into().map_err(|_| "its transformation matrix is not 16 numbers")?
            }
        };
        let point = implicit.child("referencePoint").and_then(|p| p.child("Point"));
        let position = point.and_then(|p| p.child("pos").or_else(|| p.child("coordinates")));
        let mut reference = None;
        if let Some(position) = position {
            let text = position.text().replace(',', " ");
            let count = text.split_ascii_whitespace().count().clamp(2, 3);
            list(&text, count, |at| {
                reference.get_or_insert(at);
                Ok(())
            })?;
        }
        let reference = reference.ok_or("its implicit geometry has no reference point")?;
        Ok(Self { matrix, reference })
    }

    /// `matrix * local + reference`.
    pub(super) fn apply(&self, [x, y, z]: [f64; 3]) -> [f64; 3] {
        let m = &self.matrix;
        std::array::from_fn(|r| m[4 * r] * x + m[4 * r + 1] * y + m[4 * r + 2] * z + m[4 * r + 3] + self.reference[r])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, dimension: usize) -> Result<Vec<[f64; 3]>, Refusal> {
        let mut all = Vec::new();
        list(text, dimension, |at| {
            all.push(at);
            Ok(())
        })?;
        Ok(all)
    }

    #[test]
    fn lists_of_two_and_of_three() {
        assert_eq!(read(" 1 2 3\n4 5 6 ", 3).unwrap(), [[1., 2., 3.], [4., 5., 6.]]);
        assert_eq!(read("1 2 3 4", 2).unwrap(), [[1., 2., 0.], [3., 4., 0.]]);
        assert!(read("1 2 3 4", 3).unwrap_err().contains("not 3 numbers a vertex"));
        for bad in ["1 2 x", "1 2 NaN", "1 2 inf"] {
            assert!(read(bad, 3).unwrap_err().contains("is no number"), "{bad}");
        }
    }
}
