"""What a product image is: inspecting a file, planning and publishing it into the media store."""
