"""Where samples come from: files of the user's, drawn shapes, TensorFlow Datasets."""
