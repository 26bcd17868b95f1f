//! Long lists, a piece at a time.

/// Which piece of a list is wanted: so many at most, of those that follow one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece<K> {
    /// The last one of the piece before; `None`: from the beginning. It may be gone.
    pub after: Option<K>,
    /// At most so many.
    pub limit: usize,
}

impl<K> Piece<K> {
    /// The whole list.
    pub fn whole() -> Self {
        Self { after: None, limit: usize::MAX }
    }

    /// The piece, shown, of a list that begins where the piece does.
    pub(super) fn of<R, T>(&self, rows: impl Iterator<Item = R>, show: impl Fn(R) -> T) -> List<T> {
        let mut rows = rows;
        let items = rows.by_ref().take(self.limit).map(show).collect();
        List { items, goes_on: rows.next().is_some() }
    }
}

/// A piece of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T> {
    /// In order.
    pub items: Vec<T>,
    /// There are more.
    pub goes_on: bool,
}
