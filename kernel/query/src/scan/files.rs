//! Parquet files of the local disk in, a source that reads them out. Files never change once they are named, so their
//! footers are cached; row groups and pages whose statistics contradict the predicate above are not read.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::Statistics;
use datafusion::common::stats::Precision;
use datafusion::config::TableParquetOptions;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::physical_plan::ExecutionPlan;
use object_store::path::Path;

use crate::table::File;

pub(super) fn source(
    state: &dyn Session,
    stored: &SchemaRef,
    files: &[File],
    read: &[usize],
    limit: Option<usize>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let url = ObjectStoreUrl::local_filesystem();
    let store = state.runtime_env().object_store(&url)?;
    let footers = state.runtime_env().cache_manager.get_file_metadata_cache();
    let options =
        TableParquetOptions { global: state.config().options().execution.parquet.clone(), ..Default::default() };
    let source = ParquetSource::new(TableSchema::from_file_schema(stored.clone()))
        .with_table_parquet_options(options)
        .with_parquet_file_reader_factory(Arc::new(CachedParquetFileReaderFactory::new(store, footers)));
    let mut statistics = Statistics::new_unknown(stored);
    statistics.num_rows = Precision::Exact(files.iter().map(|file| file.rows as usize).sum());
    let config = FileScanConfigBuilder::new(url, Arc::new(source))
        .with_file_groups(groups(files, state.config().target_partitions())?)
        .with_statistics(statistics)
        .with_limit(limit)
        .with_projection_indices(Some(read.to_vec()))?
        .build();
    Ok(DataSourceExec::from_data_source(config))
}

/// Runs of files in their order, with about the same number of rows each.
fn groups(files: &[File], parts: usize) -> Result<Vec<FileGroup>> {
    let parts = parts.clamp(1, files.len().max(1));
    let share = files.iter().map(|file| file.rows).sum::<u64>().div_ceil(parts as u64).max(1);
    let mut groups: Vec<Vec<PartitionedFile>> = vec![Vec::new(); parts];
    let mut done = 0;
    for file in files {
        let part = usize::try_from(done / share).unwrap_or(parts).min(parts - 1);
        groups[part].push(partitioned(file)?);
        done += file.rows;
    }
    Ok(groups.into_iter().filter(|group| !group.is_empty()).map(FileGroup::new).collect())
}

fn partitioned(file: &File) -> Result<PartitionedFile> {
    let missing = |error: std::io::Error| DataFusionError::Execution(format!("{}: {error}", file.path.display()));
    let size = std::fs::metadata(&file.path).map_err(missing)?.len();
    let path = Path::from_absolute_path(std::path::absolute(&file.path).map_err(missing)?)
        .map_err(|error| DataFusionError::Execution(format!("{}: {error}", file.path.display())))?;
    let mut partitioned = PartitionedFile::new("", size);
    partitioned.object_meta.location = path;
    Ok(partitioned)
}
