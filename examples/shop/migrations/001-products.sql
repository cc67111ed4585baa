CREATE TABLE product (
  id INT AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(100) NOT NULL,
  cents INT NOT NULL
);
INSERT INTO product (name, cents) VALUES ('tea', 350), ('coffee', 420), ('cake', 510);
