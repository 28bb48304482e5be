module example.org/cost

go 1.21
