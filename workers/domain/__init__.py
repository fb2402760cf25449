"""What Boucle decides: values in, values out. No clock, no chance, no input or output."""
