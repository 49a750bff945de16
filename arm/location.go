package arm

import (
	"strings"
	"sync"
)

// Location is a region by its names.
type Location struct{ Name, Display, Geography string }

// Locations are the regions that clients let users choose from. Gatehouse runs where
// it runs: a location is a label, and any other one is accepted too.
var Locations = sync.OnceValue(func() (all []Location) {
	for line := range strings.Lines(`
Asia Pacific: East Asia, Southeast Asia, Australia East, Australia Southeast, Central India, South India, Japan East, Japan West, Korea Central
Europe: North Europe, West Europe, France Central, Germany West Central, Italy North, Norway East, Poland Central, Spain Central, Sweden Central, Switzerland North
UK: UK South, UK West
US: Central US, East US, East US 2, North Central US, South Central US, West US, West US 2, West US 3
Canada: Canada Central, Canada East
South America: Brazil South
Middle East: Israel Central, Qatar Central, UAE North
Africa: South Africa North
`) {
		geography, names, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			continue
		}
		for name := range strings.SplitSeq(names, ", ") {
			all = append(all, Location{Region(name), name, geography})
		}
	}
	return all
})

// Region is the short form of a location's name: West Europe is westeurope.
func Region(location string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		}
		return -1
	}, location)
}

// DisplayLocation is the long form of a location's name, the name itself when it is not known.
func DisplayLocation(location string) string {
	for _, l := range Locations() {
		if l.Name == Region(location) {
			return l.Display
		}
	}
	return location
}
