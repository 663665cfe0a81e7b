//! Numbers of any type as bytes that order like the numbers, and are the same where the values
//! are: 1, 1L, 1.0 and Decimal128 1 are one.
//!
//! A number is written in decimal, exactly: every double has finitely many decimal digits.

/// What comes before the digits, in the server's order.
const NOT_A_NUMBER: u8 = 1;
const NEGATIVE_INFINITY: u8 = 2;
const NEGATIVE: u8 = 3;
const ZERO: u8 = 4;
const POSITIVE: u8 = 5;
const INFINITY: u8 = 6;

/// Added to a decimal exponent, to make it positive.
const BIAS: i32 = 1 << 15;

/// Bits of a double below its exponent.
const MANTISSA_BITS: u32 = 52;
/// The exponent of a double's last bit, for the exponent field 0.
const LEAST_EXPONENT: i32 = -1074;

pub fn write_integer(number: i64, out: &mut Vec<u8>) {
    write_decimal(number < 0, &digits_of(u128::from(number.unsigned_abs())), 0, out);
}

pub fn write_double(number: f64, out: &mut Vec<u8>) {
    if number.is_nan() {
        return out.push(NOT_A_NUMBER);
    }
    if number.is_infinite() {
        return out.push(if number < 0.0 { NEGATIVE_INFINITY } else { INFINITY });
    }
    let bits = number.to_bits();
    let field = (bits >> MANTISSA_BITS & 0x7ff) as i32;
    let fraction = bits & ((1 << MANTISSA_BITS) - 1);
    let (mantissa, exponent) = match field {
        0 => (fraction, LEAST_EXPONENT),
        field => (fraction | 1 << MANTISSA_BITS, field - 1 + LEAST_EXPONENT),
    };
    // m / 2^k = m * 5^k / 10^k
    let (factor, power) = if exponent < 0 { (5, exponent) } else { (2, 0) };
    let digits = times_power(mantissa, factor, exponent.unsigned_abs());
    write_decimal(number < 0.0, &digits, power, out);
}

/// IEEE 754-2008 decimal128 in its binary encoding, little-endian.
pub fn write_decimal128(bytes: [u8; 16], out: &mut Vec<u8>) {
    let bits = u128::from_le_bytes(bytes);
    let is_negative = bits >> 127 == 1;
    let combination = bits >> 122 & 0x1f;
    match combination {
        0x1f => return out.push(NOT_A_NUMBER),
        0x1e => return out.push(if is_negative { NEGATIVE_INFINITY } else { INFINITY }),
        _ => {}
    }
    // Coefficients that begin with the other combination are too large, and stand for 0.
    let (field, coefficient) = match combination >> 3 {
        3 => (bits >> 111 & 0x3fff, 0),
        _ => (bits >> 113 & 0x3fff, bits & ((1 << 113) - 1)),
    };
    let coefficient = if coefficient < 10_u128.pow(34) { coefficient } else { 0 };
    write_decimal(is_negative, &digits_of(coefficient), field as i32 - 6176, out);
}

/// Decimal digits, the first one first; none for 0.
fn digits_of(mut number: u128) -> Vec<u8> {
    let mut digits = Vec::new();
    while number > 0 {
        digits.push((number % 10) as u8);
        number /= 10;
    }
    digits.reverse();
    digits
}

/// The decimal digits of `number * factor^power`, in limbs of nine digits.
fn times_power(number: u64, factor: u32, power: u32) -> Vec<u8> {
    const LIMB: u64 = 1_000_000_000;
    // As many factors at once as one multiplication can take.
    let step: u32 = if factor == 2 { 29 } else { 12 };
    let mut limbs = vec![number % LIMB, number / LIMB % LIMB, number / LIMB / LIMB];
    let mut left = power;
    while left > 0 {
        let now = left.min(step);
        left -= now;
        let by = u64::from(factor.pow(now));
        let mut carry = 0;
        for limb in &mut limbs {
            let product = *limb * by + carry;
            (*limb, carry) = (product % LIMB, product / LIMB);
        }
        if carry > 0 {
            limbs.push(carry);
        }
    }
    let text: String = limbs.iter().rev().map(|limb| format!("{limb:09}")).collect();
    text.trim_start_matches('0').bytes().map(|digit| digit - b'0').collect()
}

/// `digits * 10^power`.
fn write_decimal(is_negative: bool, digits: &[u8], power: i32, out: &mut Vec<u8>) {
    let significant = digits.len() - digits.iter().rev().take_while(|digit| **digit == 0).count();
    if significant == 0 {
        return out.push(ZERO);
    }
    out.push(if is_negative { NEGATIVE } else { POSITIVE });
    let start = out.len();
    let exponent = power + digits.len() as i32 - 1 + BIAS;
    out.extend_from_slice(&(exponent as u16).to_be_bytes());
    for pair in digits[..significant].chunks(2) {
        out.push(pair[0] * 10 + pair.get(1).copied().unwrap_or(0) + 1);
    }
    out.push(0);
    if is_negative {
        out[start..].iter_mut().for_each(|byte| *byte = !*byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn integer(number: i64) -> Vec<u8> {
        let mut out = Vec::new();
        write_integer(number, &mut out);
        out
    }

    fn double(number: f64) -> Vec<u8> {
        let mut out = Vec::new();
        write_double(number, &mut out);
        out
    }

    fn decimal(is_negative: bool, coefficient: u128, exponent: i32) -> Vec<u8> {
        let field = (exponent + 6176) as u128;
        let bits = u128::from(is_negative) << 127 | field << 113 | coefficient;
        let mut out = Vec::new();
        write_decimal128(bits.to_le_bytes(), &mut out);
        out
    }

    #[test]
    fn equal_numbers_are_equal_bytes() {
        assert_eq!(integer(1), double(1.0));
        assert_eq!(integer(1), decimal(false, 1, 0));
        assert_eq!(integer(1), decimal(false, 1000, -3));
        assert_eq!(double(0.5), decimal(false, 5, -1));
        assert_eq!(integer(0), double(-0.0));
        assert_eq!(integer(0), decimal(true, 0, 6000));
        assert_eq!(integer(i64::MIN), double(-(2f64.powi(63))));
        assert_ne!(double(0.1), decimal(false, 1, -1), "0.1 is a little more than a tenth");
        assert!(double(0.1) > decimal(false, 1, -1));
    }

    #[test]
    fn the_ends_of_the_scale_are_in_order() {
        let ordered = [
            double(f64::NAN),
            double(f64::NEG_INFINITY),
            decimal(true, 9, 6111),
            double(f64::MIN),
            integer(i64::MIN),
            integer(-11),
            integer(-10),
            integer(-9),
            double(-f64::from_bits(1)),
            decimal(true, 1, -6176),
            integer(0),
            decimal(false, 1, -6176),
            double(f64::from_bits(1)),
            integer(9),
            integer(10),
            integer(11),
            integer(i64::MAX),
            double(f64::MAX),
            decimal(false, 9, 6111),
            double(f64::INFINITY),
        ];
        assert!(ordered.is_sorted_by(|one, other| one < other));
    }

    proptest! {
        #[test]
        fn doubles_order_like_doubles(one: f64, other: f64) {
            let expected = one.partial_cmp(&other);
            prop_assert_eq!(expected, Some(double(one).cmp(&double(other))));
        }

        #[test]
        fn integers_order_like_integers(one: i64, other: i64) {
            prop_assert_eq!(one.cmp(&other), integer(one).cmp(&integer(other)));
        }

        #[test]
        fn small_integers_are_the_same_as_doubles(number in -(1i64 << 53)..(1i64 << 53)) {
            prop_assert_eq!(integer(number), double(number as f64));
        }

        #[test]
        fn doubles_between_integers_lie_between(number in -(1i64 << 50)..(1i64 << 50)) {
            let between = double(number as f64 + 0.5);
            prop_assert!(integer(number) < between && between < integer(number + 1));
        }

        #[test]
        fn decimals_are_read_like_text(coefficient in 0u64..1 << 53, exponent in -20i32..20) {
            let (one, other) = (decimal(false, u128::from(coefficient), 0), double(coefficient as f64));
            prop_assert_eq!(one, other);
            let scaled = u128::from(coefficient) * 100;
            prop_assert_eq!(
                decimal(true, scaled, exponent),
                decimal(true, u128::from(coefficient), exponent + 2)
            );
        }
    }
}
