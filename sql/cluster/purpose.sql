-- Marks the database of a demo: load tests may run in it without its name being typed.
ALTER DATABASE pipeline SET pipeline_console.purpose = 'demo';
