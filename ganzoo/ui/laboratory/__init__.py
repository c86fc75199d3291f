"""The collapse laboratory: a tab in which a small GAN learns points of the plane while one looks on."""
