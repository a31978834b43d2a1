package journal
import ("testing";"time";"sort";"fmt";"syscall")
func hist(name string, f func()){
 var d []int
 var r0,r1 syscall.Rusage
 syscall.Getrusage(0,&r0)
 for i:=0;i<300000;i++{ for t0:=time.Now();time.Since(t0)<10*time.Microsecond;{}
  t0:=time.Now(); f(); d=append(d,int(time.Since(t0))) }
 syscall.Getrusage(0,&r1)
 s:=0; for _,v:=range d{s+=v}
 sort.Ints(d)
 s2:=0; for _,v:=range d[:len(d)*999/1000]{s2+=v}
 fmt.Println("clock",name,"mean",s/len(d),"mean99.9",s2/len(d),"p50",d[len(d)/2],"p90",d[len(d)*9/10],"p99",d[len(d)*99/100],"p999",d[len(d)*999/1000],"p9999",d[len(d)*9999/10000],"max",d[len(d)-1], "faults",r1.Minflt-r0.Minflt,"sys",r1.Stime.Usec-r0.Stime.Usec+(r1.Stime.Sec-r0.Stime.Sec)*1000000)
}
func TestXHist(t *testing.T){
 j,err:=Open(t.TempDir(),Options{}); if err!=nil{t.Fatal(err)}
 now:=time.Now()
 m:=make([]byte,1<<20)
 hist("control",func(){copy(m[4000:],benchPayload)})
 hist("append",func(){j.Append(Check,now,benchPayload,false)})
 j.Close()
}
