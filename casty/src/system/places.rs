//! Places with numbers, in pages: what many had at once is given back.

/// Places of a page.
const PAGE: usize = 256;

/// What has a place keeps its number. A page in which nobody has a place takes no room, unless it is the next to be filled.
pub(super) struct Places<T> {
    pages: Vec<Page<T>>,
    /// Pages with room, the next to be filled last.
    open: Vec<u32>,
}

struct Page<T> {
    places: Vec<Place<T>>,
    /// The first of those that are free again.
    free: Option<u8>,
    taken: usize,
    is_open: bool,
}

enum Place<T> {
    Taken(T),
    /// And which one is free besides.
    Free(Option<u8>),
}

impl<T> Page<T> {
    /// Takes no room, if nobody has a place.
    fn give_back(&mut self) {
        if self.taken == 0 {
            (self.places, self.free) = (Vec::new(), None);
        }
    }
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self { pages: Vec::new(), open: Vec::new() }
    }
}

impl<T> Places<T> {
    /// Whether there is one left, of so many.
    pub(super) fn has_room(&self, most: usize) -> bool {
        !self.open.is_empty() || (self.pages.len() + 1) * PAGE <= most
    }

    /// Gives a place to what is made with its number. If that panics, the place stays free.
    pub(super) fn add<R>(&mut self, make: impl FnOnce(usize) -> (T, R)) -> R {
        let number = self.open.last().map_or(self.pages.len(), |page| *page as usize);
        if number == self.pages.len() {
            self.pages.push(Page { places: Vec::new(), free: None, taken: 0, is_open: true });
            self.open.push(u32::try_from(number).expect("an actor's place has 28 bits"));
        }
        let page = &mut self.pages[number];
        let index = page.free.map_or(page.places.len(), usize::from);
        let (taken, made) = make(number * PAGE + index);
        match page.places.get_mut(index) {
            Some(place) => {
                page.free = if let Place::Free(next) = place { *next } else { None };
                *place = Place::Taken(taken);
            }
            None => page.places.push(Place::Taken(taken)),
        }
        page.taken += 1;
        if page.taken == PAGE {
            page.is_open = false;
            self.open.pop();
        }
        made
    }

    pub(super) fn get(&self, number: usize) -> Option<&T> {
        match self.pages.get(number / PAGE)?.places.get(number % PAGE)? {
            Place::Taken(taken) => Some(taken),
            Place::Free(_) => None,
        }
    }

    /// Frees a place, if the one who has it is meant.
    pub(super) fn take_if(&mut self, number: usize, is_meant: impl FnOnce(&T) -> bool) -> Option<T> {
        self.get(number).filter(|taken| is_meant(taken))?;
        let (at, index) = (number / PAGE, number % PAGE);
        let page = &mut self.pages[at];
        let before = std::mem::replace(&mut page.places[index], Place::Free(page.free));
        page.free = u8::try_from(index).ok();
        page.taken -= 1;
        if !page.is_open {
            page.is_open = true;
            // What was the next to be filled is that no more.
            if let Some(next) = self.open.last() {
                self.pages[*next as usize].give_back();
            }
            self.open.push(u32::try_from(at).expect("it was made with that number"));
        } else if self.open.last().is_none_or(|next| *next as usize != at) {
            page.give_back();
        }
        match before {
            Place::Taken(taken) => Some(taken),
            Place::Free(_) => None,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        let places = self.pages.iter().flat_map(|page| &page.places);
        places.filter_map(|place| if let Place::Taken(taken) = place { Some(taken) } else { None })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn room<T>(places: &Places<T>) -> usize {
        places.pages.iter().map(|page| page.places.capacity()).sum()
    }

    #[test]
    fn what_many_left_is_given_back_and_who_stays_keeps_its_place() {
        let mut places = Places::default();
        for number in 0..100_000 {
            assert_eq!(places.add(|place| (number, place)), number);
        }
        for number in (0..100_000).filter(|number| *number != 99_000) {
            assert_eq!(places.take_if(number, |taken| *taken == number), Some(number));
        }
        assert!(room(&places) <= 2 * PAGE, "{}", room(&places));
        assert_eq!(places.get(99_000), Some(&99_000));
        assert_eq!(places.iter().count(), 1);
    }

    #[test]
    fn a_place_is_as_large_as_who_has_it() {
        assert_eq!(size_of::<Place<(u64, Box<str>)>>(), size_of::<(u64, Box<str>)>());
    }

    proptest! {
        #[test]
        fn each_has_a_place_of_its_own(steps in proptest::collection::vec((any::<bool>(), any::<u16>()), 0..3000)) {
            let (mut places, mut known) = (Places::default(), BTreeMap::new());
            for (step, (adds, which)) in steps.into_iter().enumerate() {
                let any = known.keys().copied().cycle().nth(usize::from(which) % known.len().max(1));
                match any.filter(|_| !adds) {
                    Some(number) => {
                        prop_assert_eq!(places.take_if(number, |_| false), None);
                        prop_assert_eq!(places.take_if(number, |_| true), known.remove(&number));
                        prop_assert!(places.get(number).is_none());
                    }
                    None => {
                        let number = places.add(|number| (step, number));
                        prop_assert_eq!(known.insert(number, step), None);
                    }
                }
            }
            prop_assert!(known.iter().all(|(number, step)| places.get(*number) == Some(step)));
            prop_assert_eq!(places.iter().count(), known.len());
        }
    }
}
