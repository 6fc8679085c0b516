"""What texts look like to the models: TF-IDF, word vectors, sentence vectors and the search index."""
