"""Reading the books: rows of the views as typed classes, and tables and JSON made of them."""
