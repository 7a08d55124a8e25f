//! Reads the structure of JSON byte by byte, before a text is decoded or as it arrives in chunks.

/// The weight of a value beside its text: about what it takes in memory.
pub const VALUE_WEIGHT: usize = 64;

/// Tells the structure of a JSON text from the inside of its strings. Remembers its position between two chunks.
#[derive(Debug, Default)]
pub struct JsonScanner {
    in_string: bool,
    escaped: bool,
}

impl JsonScanner {
    /// Takes the next byte. Returns it unless it is part of a string, quotes included.
    pub fn step(&mut self, byte: u8) -> Option<u8> {
        if self.in_string {
            self.in_string = self.escaped || byte != b'"';
            self.escaped = !self.escaped && byte == b'\\';
            return None;
        }
        self.in_string = byte == b'"';
        (!self.in_string).then_some(byte)
    }

    /// Returns whether the next byte is inside a string.
    #[must_use]
    pub fn is_in_string(&self) -> bool {
        self.in_string
    }

    /// Returns about how many bytes the values of a chunk take in memory: the text, and a part for each value that
    /// begins after a comma or a bracket.
    pub fn weigh(&mut self, chunk: &[u8]) -> usize {
        let values = chunk.iter().filter(|byte| matches!(self.step(**byte), Some(b',' | b'[' | b'{'))).count();
        chunk.len() + VALUE_WEIGHT * values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weight_counts_values_outside_of_strings_for_any_chunks() {
        let json = br#"{"a,[{":["\",",{},{}],"b":1}"#;
        let whole = JsonScanner::default().weigh(json);
        assert_eq!(whole, json.len() + VALUE_WEIGHT * 7);
        let mut scanner = JsonScanner::default();
        assert_eq!(json.chunks(1).map(|chunk| scanner.weigh(chunk)).sum::<usize>(), whole);
    }
}
