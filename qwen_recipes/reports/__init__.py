"""What a person looks at afterwards: HTML reports, charts, tables and differences of runs."""
