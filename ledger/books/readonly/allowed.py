"""Functions that a statement may call: they compute from their arguments, and do nothing else.

What isn't here is refused: functions that load code, read or write files, make large values out of
nothing, change settings, signal other sessions, or run SQL that is in a text.
"""

_BOTH = """
abs avg ceil ceiling char_length coalesce concat concat_ws count cume_dist degrees dense_rank exp
first_value floor lag last_value lead length ln log lower ltrim max min mod nth_value ntile nullif
octet_length percent_rank pi power radians rank replace round row_number rtrim sign sqrt
string_agg substr substring sum trim trunc upper usd
"""
_SQLITE = """
-> ->> date datetime format glob group_concat hex ifnull iif instr json json_array
json_array_length json_each json_extract json_group_array json_group_object json_object
json_quote json_tree json_type json_valid julianday like log10 log2 pow printf quote strftime
time timediff total typeof unicode unixepoch
"""
_POSTGRESQL = """
age array_agg array_length array_to_string ascii bit_length bool bool_and bool_or bpchar btrim
cardinality chr clock_timestamp corr covar_pop date date_bin date_part date_trunc decode div
encode every extract float4 float8 format generate_series initcap int2 int4 int8 interval
json_agg json_array_elements json_array_elements_text json_array_length json_build_array
json_build_object json_each json_each_text json_extract_path json_extract_path_text
json_object_agg json_object_keys json_typeof jsonb_agg jsonb_array_elements
jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each
jsonb_each_text jsonb_extract_path jsonb_extract_path_text jsonb_object_agg jsonb_object_keys
jsonb_typeof justify_interval left like_escape make_date make_timestamptz md5 mode now numeric
overlaps percentile_cont percentile_disc position regexp_replace regr_slope reverse right
scale similar_to_escape split_part statement_timestamp starts_with stddev stddev_pop
stddev_samp strpos text textlen time timestamp timestamptz timezone to_char to_date to_json
to_jsonb to_number to_timestamp translate trim_scale unnest var_pop var_samp varchar variance
width_bucket
"""

SQLITE_FUNCTIONS = frozenset((_BOTH + _SQLITE).split())
POSTGRESQL_FUNCTIONS = frozenset((_BOTH + _POSTGRESQL).split())
