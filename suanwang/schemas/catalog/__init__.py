"""The file format of the catalog: CSV tables, one row a fact, checked cell by cell and then against one another."""
