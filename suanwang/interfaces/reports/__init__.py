"""Reports for people who decide: a page to read and print, a workbook to calculate on."""
