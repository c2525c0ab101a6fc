//! What can be asked of the database: alone, or as parts of one atomic step.

use futures::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::ReturnDocument;
use mongodb::{ClientSession, Collection};

use super::database::Database;
use super::error::Fault;
use super::row::Row;

/// How many changes one command makes: far fewer than servers take, so that its document stays small.
const AT_ONCE: usize = 1_000;

/// How many documents one answer holds at most, whatever the limit: none of ours comes near a tenth of the 16 MB
/// that an answer may have.
const MOST_IN_A_BATCH: u32 = 1_000;

/// Operations in one atomic step, or each in its own.
pub(super) struct Step<'a> {
    pub(super) database: &'a Database,
    pub(super) session: Option<ClientSession>,
    /// Whether it failed because others changed the same.
    pub(super) met_others: bool,
    /// Whether the connection that it went over ended: there are others.
    pub(super) lost_its_line: bool,
    /// Whether a key was taken; perhaps since the step began, and it will see by whom if it begins again.
    pub(super) met_duplicate: bool,
    /// Whether there is something new for the relay once it is committed.
    pub(super) appends: bool,
}

/// A query.
#[derive(Clone)]
pub(super) struct Find {
    pub(super) collection: &'static str,
    pub(super) filter: Document,
    pub(super) sort: Document,
    /// 0 is no limit.
    pub(super) limit: i64,
    pub(super) skip: u64,
    /// A projection; empty is everything.
    pub(super) fields: Document,
}

impl Find {
    pub(super) fn new(collection: &'static str, filter: Document) -> Self {
        Self { collection, filter, sort: Document::new(), limit: 0, skip: 0, fields: Document::new() }
    }

    /// Only these fields, or all but these, as a projection says it.
    pub(super) fn fields(self, fields: Document) -> Self {
        Self { fields, ..self }
    }

    pub(super) fn sort(self, sort: Document) -> Self {
        Self { sort, ..self }
    }

    /// At most this many, which is at least 1.
    pub(super) fn limit(self, limit: usize) -> Self {
        Self { limit: super::row::number(limit), ..self }
    }

    pub(super) fn skip(self, skip: u64) -> Self {
        Self { skip, ..self }
    }

    /// What the driver is to do. All that the limit allows comes with the first answer: servers else keep what is
    /// beyond the first 101 documents for a second question.
    pub(super) fn on(self, collection: &Collection<Document>) -> mongodb::action::Find<'_, Document> {
        let find = collection.find(self.filter).sort(self.sort).limit(self.limit).skip(self.skip);
        let find = if self.fields.is_empty() { find } else { find.projection(self.fields) };
        match u32::try_from(self.limit) {
            Ok(0) | Err(_) => find,
            Ok(limit) => find.batch_size(limit.min(MOST_IN_A_BATCH)),
        }
    }
}

/// Runs one of the driver's actions on a collection, in the session if there is one.
macro_rules! run {
    ($self:ident, $collection:expr, |$handle:ident| $action:expr) => {{
        let $handle = $self.database.collection($collection);
        let action = $action;
        let done = match &mut $self.session {
            Some(session) => $self.database.within(action.session(session)).await,
            None => $self.database.within(action).await,
        };
        $self.noted(done)
    }};
}

impl<'a> Step<'a> {
    pub(super) fn new(database: &'a Database, session: Option<ClientSession>) -> Self {
        Self {
            database,
            session,
            met_others: false,
            lost_its_line: false,
            met_duplicate: false,
            appends: false,
        }
    }

    pub(super) fn noted<T>(&mut self, done: Result<T, Fault>) -> Result<T, Fault> {
        if let Err(fault) = &done {
            if fault.is_conflict() {
                tracing::debug!(error = %fault, "a step has met others");
            }
            self.met_others |= fault.is_conflict();
            self.lost_its_line |= fault.is_of_the_line();
            self.met_duplicate |= fault.is_duplicate();
        }
        done
    }

    /// The only document that passes the filter, or any of them.
    pub(super) async fn find_one(
        &mut self,
        collection: &str,
        filter: Document,
    ) -> Result<Option<Row>, Fault> {
        Ok(run!(self, collection, |them| them.find_one(filter))?.map(Row))
    }

    pub(super) async fn exists(&mut self, collection: &str, filter: Document) -> Result<bool, Fault> {
        let found = run!(self, collection, |them| them.find_one(filter).projection(doc! { "_id": 1 }));
        Ok(found?.is_some())
    }

    pub(super) async fn find(&mut self, query: Find) -> Result<Vec<Row>, Fault> {
        let database = self.database;
        let collection = database.collection(query.collection);
        let find = query.on(&collection);
        let found = match &mut self.session {
            Some(session) => {
                let all = async {
                    let mut cursor = find.session(&mut *session).await?;
                    cursor.stream(session).try_collect().await
                };
                database.within(all).await
            }
            None => database.within(async { find.await?.try_collect().await }).await,
        };
        let found: Vec<Document> = self.noted(found)?;
        Ok(found.into_iter().map(Row).collect())
    }

    pub(super) async fn aggregate(
        &mut self,
        collection: &str,
        pipeline: Vec<Document>,
    ) -> Result<Vec<Row>, Fault> {
        let database = self.database;
        let collection = database.collection(collection);
        let aggregate = collection.aggregate(pipeline);
        let found = match &mut self.session {
            Some(session) => {
                let all = async {
                    let mut cursor = aggregate.session(&mut *session).await?;
                    cursor.stream(session).try_collect().await
                };
                database.within(all).await
            }
            None => database.within(async { aggregate.await?.try_collect().await }).await,
        };
        let found: Vec<Document> = self.noted(found)?;
        Ok(found.into_iter().map(Row).collect())
    }

    pub(super) async fn count(&mut self, collection: &str, filter: Document) -> Result<u64, Fault> {
        run!(self, collection, |them| them.count_documents(filter))
    }

    pub(super) async fn insert(&mut self, collection: &str, document: Document) -> Result<(), Fault> {
        run!(self, collection, |them| them.insert_one(document))?;
        Ok(())
    }

    /// The same; `false`, where its key was taken. Only outside of a step: such a failure ends one.
    pub(super) async fn insert_new(&mut self, collection: &str, document: Document) -> Result<bool, Fault> {
        match self.insert(collection, document).await {
            Ok(()) => Ok(true),
            Err(fault) if fault.is_duplicate() => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    pub(super) async fn insert_all(
        &mut self,
        collection: &str,
        documents: Vec<Document>,
    ) -> Result<(), Fault> {
        if documents.is_empty() {
            return Ok(());
        }
        run!(self, collection, |them| them.insert_many(documents))?;
        Ok(())
    }

    /// Stores those whose keys are free, each for itself, and returns how many. Only outside of a step.
    pub(super) async fn insert_missing(
        &mut self,
        collection: &str,
        documents: Vec<Document>,
    ) -> Result<usize, Fault> {
        let count = documents.len();
        if count == 0 {
            return Ok(0);
        }
        match run!(self, collection, |them| them.insert_many(documents).ordered(false)) {
            Ok(_) => Ok(count),
            Err(fault) => fault.duplicates().map(|known| count - known).ok_or(fault),
        }
    }

    /// Changes one document; whether there was one.
    pub(super) async fn update(
        &mut self,
        collection: &str,
        filter: Document,
        update: Document,
    ) -> Result<bool, Fault> {
        let updated = run!(self, collection, |them| them.update_one(filter, update))?;
        Ok(updated.matched_count > 0)
    }

    /// Changes all that pass the filter; how many there were.
    pub(super) async fn update_all(
        &mut self,
        collection: &str,
        filter: Document,
        update: Document,
    ) -> Result<u64, Fault> {
        let updated = run!(self, collection, |them| them.update_many(filter, update))?;
        Ok(updated.matched_count)
    }

    /// Changes the document that passes the filter, or makes it. Outside of a step another process may
    /// make the same one meanwhile: then it is there to be changed.
    pub(super) async fn upsert(
        &mut self,
        collection: &str,
        filter: Document,
        update: Document,
    ) -> Result<(), Fault> {
        let (again, with) = (filter.clone(), update.clone());
        match run!(self, collection, |them| them.update_one(filter, update).upsert(true)) {
            Err(fault) if fault.is_duplicate() && self.session.is_none() => {
                run!(self, collection, |them| them.update_one(again, with).upsert(true))?;
            }
            done => drop(done?),
        }
        Ok(())
    }

    /// The same where the filter is more than the key: `false` if the document is there and does not pass.
    /// Only outside of a step.
    pub(super) async fn upsert_if(
        &mut self,
        collection: &str,
        filter: Document,
        update: Document,
    ) -> Result<bool, Fault> {
        match run!(self, collection, |them| them.update_one(filter, update).upsert(true)) {
            Ok(_) => Ok(true),
            Err(fault) if fault.is_duplicate() => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// Changes one document, or makes it if that is wanted, and returns it as it is then.
    pub(super) async fn update_returning(
        &mut self,
        collection: &str,
        filter: Document,
        update: Document,
        or_insert: bool,
    ) -> Result<Option<Row>, Fault> {
        let updated = run!(self, collection, |them| {
            let update = them.find_one_and_update(filter, update).upsert(or_insert);
            update.return_document(ReturnDocument::After)
        });
        Ok(updated?.map(Row))
    }

    /// Makes each of these changes to the document that its filter names, or makes that document if it is
    /// not there: many in one command. Outside of a step nothing is tried again, and the server's own acknowledgement counts.
    pub(super) async fn upsert_each(
        &mut self,
        collection: &str,
        changes: impl IntoIterator<Item = (Document, Document)>,
    ) -> Result<(), Fault> {
        let changes: Vec<Document> = changes
            .into_iter()
            .map(|(filter, update)| doc! { "q": filter, "u": update, "upsert": true })
            .collect();
        for changes in changes.chunks(AT_ONCE) {
            let command = doc! { "update": collection, "updates": changes };
            let action = self.database.inner.run_command(command);
            let done = match &mut self.session {
                Some(session) => self.database.within(action.session(session)).await,
                None => self.database.within(action).await,
            };
            let answer = Row(self.noted(done)?);
            // Of a command like this the driver takes failed writes for an answer as any other.
            if answer.0.contains_key("writeErrors") {
                return Err(Fault::stored(collection));
            }
        }
        Ok(())
    }

    /// Keeps the document that passes the filter from being changed or removed by others until the step is
    /// committed; whether there is one.
    pub(super) async fn hold(&mut self, collection: &str, filter: Document) -> Result<bool, Fault> {
        self.update(collection, filter, doc! { "$inc": { "held": 1_i64 } }).await
    }

    pub(super) async fn delete(&mut self, collection: &str, filter: Document) -> Result<bool, Fault> {
        let deleted = run!(self, collection, |them| them.delete_one(filter))?;
        Ok(deleted.deleted_count > 0)
    }

    pub(super) async fn delete_all(&mut self, collection: &str, filter: Document) -> Result<u64, Fault> {
        let deleted = run!(self, collection, |them| them.delete_many(filter))?;
        Ok(deleted.deleted_count)
    }

    /// The same for at most so many of them.
    pub(super) async fn delete_some(
        &mut self,
        collection: &'static str,
        mut filter: Document,
        max: usize,
    ) -> Result<u64, Fault> {
        if max == 0 {
            return Ok(0);
        }
        let some = Find::new(collection, filter.clone()).limit(max).fields(doc! { "_id": 1 });
        let some = self.find(some).await?;
        let ids: Vec<Bson> = some.into_iter().filter_map(|mut row| row.0.remove("_id")).collect();
        if ids.is_empty() {
            return Ok(0);
        }
        filter.insert("_id", doc! { "$in": ids });
        self.delete_all(collection, filter).await
    }
}
