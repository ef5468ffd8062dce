//! Says in an explanation which way a statement goes once its form is known. The rows of the explanation come in; the same and one
//! more go out: `way`, and either `long` or `short` with the plan that runs.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::compute::cast;
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, displayable};
use futures_util::StreamExt;
use futures_util::stream::iter;

/// The explanation with a row that says the way; `short` is the plan of the short way.
pub(crate) fn with_way(
    explanation: SendableRecordBatchStream,
    short: Option<&dyn ExecutionPlan>,
) -> Result<SendableRecordBatchStream> {
    let way = short.map_or_else(|| "long".to_owned(), |plan| format!("short\n{}", displayable(plan).indent(false)));
    let schema = explanation.schema();
    let words = ["way", &way].into_iter().zip(schema.fields()).map(|(word, field)| {
        let word: ArrayRef = Arc::new(StringArray::from(vec![word]));
        Ok(cast(&word, field.data_type())?)
    });
    let row = RecordBatch::try_new(schema.clone(), words.collect::<Result<Vec<_>>>()?)?;
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, explanation.chain(iter([Ok(row)])))))
}
