-- Pictures are read by their content, some at a time, while their thumbnails are made.

create index on onec.product_images (sha256);
