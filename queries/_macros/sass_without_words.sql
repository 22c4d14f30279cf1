-- What to say where no instruction of an answer is put in words.

'No instruction is put in words: traceql ingest --via ncu_report does so, if the report '
|| 'holds the code (no --import-sass no).'
