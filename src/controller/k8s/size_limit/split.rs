//! Finds the objects in the bytes of a response, which arrive in chunks.

use crate::engine::json_text::JsonScanner;

/// Where the objects of a response are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// The response is one object.
    Single,
    /// One event for each line: `{"type": .., "object": {..}}`.
    Watch,
    /// `{"items": [{..}, ..], ..}`.
    List,
}

/// The most bytes that are remembered of the text before an object.
const MAX_LEAD: usize = 256;

/// Follows the JSON of a response, and collects one object at a time.
#[derive(Debug)]
pub(super) struct Splitter {
    shape: Shape,
    depth: usize,
    /// Whether the container at the second level is an array.
    in_array: bool,
    scanner: JsonScanner,
    /// The object that is being read.
    object: Option<Vec<u8>>,
    /// The text since the last object or line.
    lead: Vec<u8>,
}

impl Splitter {
    pub(super) fn new(shape: Shape) -> Self {
        Self { shape, depth: 0, in_array: false, scanner: JsonScanner::default(), object: None, lead: Vec::new() }
    }

    /// Returns the bytes with each object replaced by what `replace` makes of it. `replace` also gets the text
    /// before the object. An object whose end has not arrived is kept back.
    pub(super) fn push(&mut self, bytes: &[u8], mut replace: impl FnMut(&[u8], Vec<u8>) -> Vec<u8>) -> Vec<u8> {
        let mut output = Vec::new();
        for byte in bytes {
            if self.object.is_none() && self.begins_object(*byte) {
                self.object = Some(Vec::new());
            }
            self.step(*byte);
            if let Some(object) = &mut self.object {
                object.push(*byte);
                if self.depth == self.level() && !self.scanner.is_in_string() {
                    let object = self.object.take().unwrap_or_default();
                    output.extend(replace(&self.lead, object));
                    self.lead.clear();
                }
            } else {
                output.push(*byte);
                self.follow(*byte);
            }
        }
        output
    }

    /// Returns how many containers are around an object.
    fn level(&self) -> usize {
        match self.shape {
            Shape::Single => 0,
            Shape::Watch => 1,
            Shape::List => 2,
        }
    }

    fn begins_object(&self, byte: u8) -> bool {
        let in_place = self.depth == self.level() && (self.shape != Shape::List || self.in_array);
        byte == b'{' && !self.scanner.is_in_string() && in_place
    }

    fn follow(&mut self, byte: u8) {
        if byte == b'\n' {
            self.lead.clear();
        } else if self.lead.len() < MAX_LEAD {
            self.lead.push(byte);
        }
    }

    fn step(&mut self, byte: u8) {
        match self.scanner.step(byte) {
            Some(b'{' | b'[') => {
                self.depth += 1;
                if self.depth == 2 {
                    self.in_array = byte == b'[';
                }
            }
            Some(b'}' | b']') => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}
