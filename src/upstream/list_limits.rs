//! The limits of a list over all pages, for a server that never ends one.

/// The most objects of a list: far more than an account of either provider holds.
const MAX_OBJECTS: usize = 20_000;

/// The most weight of a list: about what it takes in memory.
const MAX_WEIGHT: usize = 32 << 20;

/// What was read of a list.
#[derive(Debug, Default)]
pub(super) struct ListLimits {
    objects: usize,
    weight: usize,
}

impl ListLimits {
    /// Adds a page. The error says what is above its limit.
    pub(super) fn add(&mut self, objects: usize, weight: usize) -> Result<(), String> {
        self.objects += objects;
        self.weight += weight;
        if self.objects > MAX_OBJECTS {
            return Err(format!("the list has more than {MAX_OBJECTS} objects, which is more than the operator reads"));
        }
        if self.weight > MAX_WEIGHT {
            return Err(format!(
                "the list takes more than {} MiB, which is more than the operator reads",
                MAX_WEIGHT >> 20
            ));
        }
        Ok(())
    }
}

/// Checks that a page has no more objects than were asked for.
pub(super) fn check_page(objects: usize, asked: u64) -> Result<(), String> {
    if objects as u64 > asked {
        return Err(format!("the upstream returned {objects} objects in a page, and {asked} were asked for"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_with_more_objects_than_asked_is_refused() {
        assert_eq!(check_page(200, 200), Ok(()));
        assert!(check_page(201, 200).unwrap_err().contains("returned 201 objects"));
    }

    #[test]
    fn list_ends_at_its_limit_of_objects_or_weight() {
        let pages = |objects, weight| {
            let mut limits = ListLimits::default();
            (1..1_000).find_map(|page| limits.add(objects, weight).err().map(|problem| (page, problem)))
        };
        let (page, problem) = pages(200, 1_000).unwrap();
        assert!(page == 101 && problem.contains("more than 20000 objects"), "{page}: {problem}");
        let (page, problem) = pages(200, 8 << 20).unwrap();
        assert!(page == 5 && problem.contains("more than 32 MiB"), "{page}: {problem}");
    }
}
