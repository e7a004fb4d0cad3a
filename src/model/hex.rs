//! Lower-case hexadecimal.

/// Two digits a byte.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| match nibble {
        0..10 => b'0' + nibble,
        _ => b'a' + (nibble - 10),
    };
    let mut text = vec![0; 2 * bytes.len()];
    for (digits, byte) in text.chunks_exact_mut(2).zip(bytes) {
        if let [high, low] = digits {
            (*high, *low) = (digit(byte >> 4), digit(byte & 0xf));
        }
    }
    // Digits and letters are UTF-8.
    String::from_utf8(text).unwrap_or_default()
}
