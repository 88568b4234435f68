//! A short number that stands for a text, the same today and after the next upgrade.

/// FNV-1a, 64 bits, over the UTF-8 bytes of `text` (W14).
///
/// It answers "was this status already shown?" after a restart, so it must not change with the
/// toolchain, as the hashes of the standard library may. It is no defence against someone who wants
/// two texts to collide. Source: <http://www.isthe.com/chongo/tech/comp/fnv/>.
#[must_use]
pub fn fingerprint(text: &str) -> u64 {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    text.bytes().fold(OFFSET_BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w14_known_answers() {
        // The first four are test vectors of the authors of FNV.
        let table = [
            ("", 0xcbf2_9ce4_8422_2325),
            ("a", 0xaf63_dc4c_8601_ec8c),
            ("b", 0xaf63_df4c_8601_f1a5),
            ("foobar", 0x8594_4171_f739_67e8),
            ("Working · k7f2", 0xb793_33db_b137_58bf),
        ];
        for (text, expected) in table {
            assert_eq!(fingerprint(text), expected, "{text:?}");
        }
    }
}
