SELECT 1

SELECT current_setting('server_version_num')::int / 100

SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'

SELECT schema_name FROM information_schema.schemata WHERE schema_name NOT IN ('information_schema', 'pg_catalog') ORDER BY 1

SELECT quote_ident(table_name) FROM information_schema.tables WHERE quote_ident(table_schema) = 'city' ORDER BY 1

SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = current_setting('search_path') ORDER BY 1

SELECT quote_ident(column_name), data_type FROM information_schema.columns
WHERE array_length(parse_ident('observations'), 1) = 1 AND quote_ident(table_name) = 'observations'

SELECT quote_ident(column_name), data_type FROM information_schema.columns
WHERE table_schema = (parse_ident('city.observations'))[1] AND table_name = (parse_ident('city.observations'))[2]

SELECT phenomenon_time AS "time", value, property AS metric FROM observations o JOIN datastreams d ON o.datastream = d.id
WHERE phenomenon_time BETWEEN '2026-10-31T00:00:00Z' AND '2026-11-02T00:00:00Z' ORDER BY 1
