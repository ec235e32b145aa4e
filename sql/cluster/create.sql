-- The pipeline database, owned by the role that maintains it.
CREATE DATABASE pipeline OWNER pipeline_owner;

