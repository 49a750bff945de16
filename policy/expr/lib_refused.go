package expr

import "strings"

// refusedTypes are types of .NET that people try and expressions may not use (policy-expressions.md 8): they are told so, where
// an unknown name gets the compiler's text.
var refusedTypes = `
System Activator AppContext AppDomain ArraySegment AsyncCallback Attribute BitConverterStream Buffer CharEnumerator Console ConsoleColor ConsoleKey
 CLSCompliantAttribute DBNull Delegate Environment GC ICloneable IServiceProvider IntPtr Lazy LoaderOptimization MarshalByRefObject Memory
 MulticastDelegate Object[] OperatingSystem Progress Range Index ReadOnlyMemory ReadOnlySpan RuntimeTypeHandle Span StringNormalizationExtensions
 ThreadStaticAttribute Type TypeCode TypedReference UIntPtr UriBuilder UriParser Version WeakReference Half Int128 DateOnly TimeOnly
System.IO File FileInfo Directory DirectoryInfo DriveInfo Path Stream FileStream MemoryStream StreamReader StreamWriter BinaryReader BinaryWriter
 BufferedStream TextReader TextWriter FileSystemWatcher UnmanagedMemoryStream
System.IO.Compression GZipStream DeflateStream ZipArchive ZipFile
System.Net WebClient WebRequest WebResponse HttpWebRequest HttpWebResponse HttpListener Dns IPEndPoint IPHostEntry EndPoint Cookie CookieContainer
 NetworkCredential CredentialCache ServicePoint ServicePointManager WebProxy HttpStatusCode HttpVersion FtpWebRequest SocketAddress
System.Net.Http HttpClient HttpRequestMessage HttpResponseMessage HttpContent StringContent HttpMethod FormUrlEncodedContent
System.Net.Mail MailMessage SmtpClient MailAddress
System.Net.Sockets Socket TcpClient TcpListener UdpClient NetworkStream
System.Collections ArrayList Hashtable SortedList BitArray Queue Stack
System.Collections.Generic SortedDictionary SortedList SortedSet LinkedList LinkedListNode Comparer PriorityQueue
System.Collections.Concurrent ConcurrentDictionary ConcurrentQueue ConcurrentBag ConcurrentStack BlockingCollection
System.Collections.ObjectModel Collection ReadOnlyCollection ObservableCollection
System.Collections.Specialized NameValueCollection StringDictionary OrderedDictionary
System.Text Encoder Decoder ASCIIEncoding UTF8Encoding UnicodeEncoding UTF32Encoding UTF7Encoding EncodingProvider NormalizationForm Rune
System.Text.Json JsonSerializer JsonDocument JsonElement Utf8JsonReader JsonSerializerOptions
System.Threading Thread ThreadPool Timer Monitor Mutex Semaphore SemaphoreSlim Interlocked CancellationToken CancellationTokenSource
System.Threading.Tasks Task Parallel TaskFactory ValueTask
System.Diagnostics Process Stopwatch Debug Trace Debugger EventLog
System.Reflection Assembly MethodInfo PropertyInfo FieldInfo Emit BindingFlags
System.Runtime.InteropServices Marshal GCHandle
System.Globalization CultureInfo NumberStyles DateTimeStyles NumberFormatInfo DateTimeFormatInfo TextInfo CompareInfo Calendar
System.Linq Queryable IQueryable ParallelEnumerable Expression
System.Web HttpUtility HttpContext HttpServerUtility
System.Xml XmlDocument XmlNode XmlElement XmlWriter XmlTextReader XmlTextWriter XmlNodeList XmlAttribute XmlConvert XmlReaderSettings
 XmlNamespaceManager XmlUrlResolver XmlSerializer
System.Xml.Linq XStreamingElement LoadOptions SaveOptions XObjectChange
System.Xml.XPath XPathNavigator XPathDocument Extensions
System.Xml.Xsl XslCompiledTransform XsltArgumentList
System.Xml.Serialization XmlSerializer
System.Security.Cryptography Aes AesManaged AesCryptoServiceProvider AesGcm AesCcm DES DESCryptoServiceProvider TripleDES TripleDESCryptoServiceProvider
 RijndaelManaged Rijndael RC2 RSACryptoServiceProvider RSACng DSA ECDsa ECDsaCng CryptoStream RandomNumberGenerator Rfc2898DeriveBytes ProtectedData
 CspParameters RSAParameters MD5CryptoServiceProvider SHA1CryptoServiceProvider SHA256CryptoServiceProvider SHA384CryptoServiceProvider
 SHA512CryptoServiceProvider ICryptoTransform CngKey PasswordDeriveBytes HKDF
System.Security.Cryptography.X509Certificates X509Store X509Chain X509Certificate2Collection StoreName StoreLocation X509FindType X509KeyStorageFlags
 CertificateRequest X509Extension X509KeyUsageExtension
Newtonsoft.Json JsonTextReader JsonTextWriter JsonReader JsonWriter JsonSerializer JsonSerializerSettings JsonConverter JsonPropertyAttribute NullValueHandling
 DateFormatHandling TypeNameHandling DateParseHandling ReferenceLoopHandling MissingMemberHandling DefaultValueHandling StringEscapeHandling FloatParseHandling
Newtonsoft.Json.Linq JsonLoadSettings JsonMergeSettings MergeArrayHandling JTokenReader JTokenWriter IJEnumerable JEnumerable LineInfoHandling JsonSelectSettings JTokenEqualityComparer
Newtonsoft.Json.Schema JsonSchema
Microsoft.CSharp CSharpCodeProvider
`

var (
	refusedNames      = map[string]string{} // simple name in an implicit namespace -> full name; full name -> itself
	refusedNamespaces = map[string]bool{}
	_                 = readRefused()
)

func readRefused() bool {
	namespace := ""
	implicit := wordSet(strings.Join(implicitNamespaces, " "))
	for line := range strings.Lines(refusedTypes) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		words := strings.Fields(line)
		if line[0] != ' ' {
			namespace, words = words[0], words[1:]
			for ns := namespace; ; ns = ns[:strings.LastIndex(ns, ".")] {
				refusedNamespaces[ns] = true
				if !strings.Contains(ns, ".") {
					break
				}
			}
		}
		for _, w := range words {
			full := namespace + "." + w
			refusedNames[full] = full
			if implicit[namespace] {
				refusedNames[w] = full
			}
		}
	}
	return true
}

// refusedType returns the full name of a type that .NET has and expressions may not use, "" for others.
func refusedType(name string) string { return refusedNames[name] }
