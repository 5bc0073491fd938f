//! Distance on the globe.

use super::super::column::Operand;
use super::{Output, fill, known};

/// Mean radius of the Earth in kilometres (IUGG, arithmetic mean of the axes of WGS 84).
const EARTH_RADIUS_KM: f64 = 6_371.008_8;

/// Great-circle distance in kilometres of two points given in degrees, by the haversine formula: stable for small
/// distances, wrong by at most 0.5 % because the Earth is no sphere.
pub(super) fn geo_km(points: [&Operand; 4], rows: usize) -> Option<Output> {
    let known = known(&points, rows);
    let [lat1, lon1, lat2, lon2] = points;
    let (lat1, lon1) = (lat1.floats()?, lon1.floats()?);
    let (lat2, lon2) = (lat2.floats()?, lon2.floats()?);
    Some(fill::floats(rows, known, |row| {
        Ok(haversine(
            (lat1.get(row), lon1.get(row)),
            (lat2.get(row), lon2.get(row)),
        ))
    }))
}

fn haversine((lat1, lon1): (f64, f64), (lat2, lon2): (f64, f64)) -> f64 {
    let north = ((lat2 - lat1).to_radians() / 2.0).sin().powi(2);
    let east = ((lon2 - lon1).to_radians() / 2.0).sin().powi(2);
    let chord = north + lat1.to_radians().cos() * lat2.to_radians().cos() * east;
    // Rounding can push the chord of antipodes a hair above one. Written so that a NaN stays one.
    let chord = if chord > 1.0 { 1.0 } else { chord };
    2.0 * EARTH_RADIUS_KM * chord.sqrt().asin()
}
