"""One module per question, in a folder per topic: traces made by hand and the whole answers expected of them."""
